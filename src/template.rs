//! Texts with holes: what an operator or a policy's author wants commits and pull requests to say.
//!
//! Jinja's syntax (`{{ summary }}`, `{% for change in changes %}`). A template may come from a config repository, so it is
//! untrusted: its text, its work and its result are bounded, it reads only the values that it is given, and a name that
//! does not exist is an error rather than nothing.
//!
//! ```
//! use landwaiter::template::Template;
//! let template = Template::parse("Update {{ images | length }} images", &()).unwrap_err();
//! assert_eq!(template.detail, "`images` is not known here");
//!
//! let values = std::collections::BTreeMap::from([("images", vec!["web", "db"])]);
//! let template = Template::parse("Update {{ images | length }} images", &values).unwrap();
//! assert_eq!(template.render(&values).unwrap(), "Update 2 images");
//! ```

use minijinja::value::Serde;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// The longest template, in bytes.
pub const MAX_SOURCE: usize = 16 << 10;
/// The longest result, in bytes.
pub const MAX_RESULT: usize = 64 << 10;
/// Steps of one rendering: a table of a thousand changes takes a few ten thousand.
pub const MAX_STEPS: u64 = 500_000;

/// A text with holes that was filled once with sample values, so that its names are known to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Arc<str>);

/// What is wrong with a template. The display is a lowercase fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// Of the template, counted from 1.
    pub line: Option<usize>,
    pub detail: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl std::error::Error for TemplateError {}

impl Template {
    /// Checks the text by filling it with `sample`, which must have a value for everything that may be named.
    pub fn parse(source: &str, sample: &impl Serialize) -> Result<Template, TemplateError> {
        if source.len() > MAX_SOURCE {
            return Err(without_line(format!("the template has more than {MAX_SOURCE} bytes")));
        }
        let template = Template(source.into());
        template.render(sample)?;
        Ok(template)
    }

    /// The text with its holes filled.
    pub fn render(&self, values: &impl Serialize) -> Result<String, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(MAX_STEPS));
        let compiled = environment.template_from_str(&self.0).map_err(|error| self.fault(&error))?;
        let mut result = Bounded(Vec::new());
        let filled = compiled.render_captured_to(Serde(values), &mut result);
        if result.0.len() > MAX_RESULT {
            return Err(without_line(format!("the result has more than {MAX_RESULT} bytes")));
        }
        filled.map_err(|error| self.fault(&error))?;
        String::from_utf8(result.0).map_err(|_| without_line("the result is no text"))
    }

    pub fn source(&self) -> &str {
        &self.0
    }

    fn fault(&self, error: &Error) -> TemplateError {
        let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        let undefined = said.split_once("` is undefined").and_then(|(before, _)| before.rsplit('`').next());
        let named = error.range().filter(|_| error.kind() == ErrorKind::UndefinedError);
        let detail = match (undefined, named.and_then(|range| self.0.get(range))) {
            (Some(name), _) | (None, Some(name)) => format!("`{name}` is not known here"),
            (None, None) if error.kind() == ErrorKind::OutOfFuel => {
                format!("filling it takes more than {MAX_STEPS} steps")
            }
            (None, None) => said,
        };
        TemplateError { line: error.line(), detail }
    }
}

fn without_line(detail: impl Into<String>) -> TemplateError {
    TemplateError { line: None, detail: detail.into() }
}

/// Takes one byte more than the limit, and no further.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (MAX_RESULT + 1).saturating_sub(self.0.len());
        if room < bytes.len() {
            self.0.extend_from_slice(&bytes[..room]);
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn values() -> BTreeMap<&'static str, Vec<u32>> {
        BTreeMap::from([("changes", (0..300).collect())])
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (source, expected) in [
            ("one\n{{ change }}", "line 2: `change` is not known here"),
            ("{{ changes | shout }}", "line 1: filter shout is unknown"),
            ("{% for change in changes %}", "line 1: unexpected end of input, expected end of block"),
        ] {
            assert_eq!(Template::parse(source, &values()).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_text_is_bounded_at_its_edge() {
        assert!(Template::parse(&"x".repeat(MAX_SOURCE), &values()).is_ok());
        let error = Template::parse(&"x".repeat(MAX_SOURCE + 1), &values()).unwrap_err();
        assert_eq!(error.to_string(), "the template has more than 16384 bytes");
    }

    #[test]
    fn the_result_is_bounded_at_its_edge() {
        let template = |rest: usize| {
            let source = format!("{{% for _ in range(64) %}}{}{{% endfor %}}{}", "x".repeat(1_023), "y".repeat(rest));
            Template::parse(&source, &values())
        };
        assert_eq!(template(64).unwrap().render(&values()).unwrap().len(), MAX_RESULT);
        assert_eq!(template(65).unwrap_err().to_string(), "the result has more than 65536 bytes");
    }

    #[test]
    fn the_work_is_bounded() {
        let source =
            "{% for _ in changes %}{% for _ in changes %}{% for _ in changes %}{% endfor %}{% endfor %}{% endfor %}";
        let error = Template::parse(source, &values()).unwrap_err();
        assert_eq!(error.detail, "filling it takes more than 500000 steps");
    }

    #[test]
    fn a_value_is_never_taken_for_a_hole() {
        let values = BTreeMap::from([("image", "{{ image }}")]);
        let template = Template::parse("{{ image }}!", &values).unwrap();
        assert_eq!(template.render(&values).unwrap(), "{{ image }}!");
    }
}
