//! Prometheus' text format, version 0.0.4: `# HELP`, `# TYPE`, and one line for each series.

use super::families::Family;

/// A text in the format, family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Begins a family; its series follow.
    pub(super) fn family(&mut self, family: &Family) {
        let Family { name, kind, help, .. } = family;
        self.0.push_str(&format!("# HELP {name} {}\n# TYPE {name} {}\n", escaped(help, false), kind.word()));
    }

    /// One series of the family, `suffix` behind its name.
    pub(super) fn series(&mut self, family: &Family, suffix: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(family.name);
        self.0.push_str(suffix);
        if !labels.is_empty() {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value, true))).collect();
            self.0.push_str(&format!("{{{}}}", labels.join(",")));
        }
        self.0.push_str(&format!(" {value}\n"));
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::families::Kind;

    #[test]
    fn values_of_labels_are_escaped() {
        let family = Family { name: "x_total", kind: Kind::Counter, labels: &["a"], help: "What \\ is." };
        let mut text = Exposition::default();
        text.family(&family);
        text.series(&family, "", &[("a", "1\"2\\3\n4")], 5.0);
        text.series(&family, "", &[], 0.25);
        assert_eq!(
            text.text(),
            "# HELP x_total What \\\\ is.\n# TYPE x_total counter\nx_total{a=\"1\\\"2\\\\3\\n4\"} 5\nx_total 0.25\n"
        );
    }
}
