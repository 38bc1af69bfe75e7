//! The path of a declared location: `spec.containers[name=web].image`.
//!
//! Keys are separated by dots; a key with a dot, a bracket or a quote in it stands in double quotes. `*` is any key,
//! `[3]` an item counted from 0, `[*]` any item, `[name=web]` the items in which `name` is `web`.
//!
//! ```
//! use landwaiter::site::Way;
//! assert!(Way::parse("spec.template.\"acme.example.com/image\"").is_ok());
//! assert_eq!(Way::parse("spec..image").unwrap_err().message, "a key is missing");
//! ```

use super::view::View;
use crate::yaml::{NodeId, NodeKind, Tree};

/// A path with wildcards and selectors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Way(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    AnyKey,
    Item(usize),
    AnyItem,
    Where { key: String, value: String },
}

/// Why a text is no path, and at which byte of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadWay {
    pub at: usize,
    pub message: &'static str,
}

/// The most steps that a path may have; documents are nested less deeply.
pub(super) const MAX_STEPS: usize = 64;

impl Way {
    pub fn parse(text: &str) -> Result<Way, BadWay> {
        let mut reader = Reader { text, at: 0 };
        let mut steps = vec![];
        if !text.starts_with('[') {
            steps.push(reader.key()?);
        }
        while let Some(next) = reader.peek() {
            reader.at += 1;
            steps.push(match next {
                '.' => reader.key()?,
                '[' => reader.bracket()?,
                _ => return Err(reader.bad("a dot or a bracket belongs here")),
            });
            if steps.len() > MAX_STEPS {
                return Err(reader.bad("more than 64 steps"));
            }
        }
        Ok(Way(steps))
    }

    /// The values at the end of the path, in the order of the document. The empty path is the document itself.
    pub(super) fn find(&self, view: &View<'_, '_>) -> Vec<NodeId> {
        let mut at = view.tree.root().into_iter().collect::<Vec<_>>();
        for step in &self.0 {
            at = at.into_iter().flat_map(|id| step.follow(view.tree, id)).collect();
        }
        at
    }
}

impl Step {
    fn follow(&self, tree: &Tree<'_>, id: NodeId) -> Vec<NodeId> {
        let items = || matches!(tree.node(id).kind, NodeKind::Sequence(_)).then(|| tree.children(id));
        match self {
            Step::Key(key) => tree.get(id, key).into_iter().collect(),
            Step::AnyKey => tree.entries(id).map(|(_, value)| value).collect(),
            Step::Item(at) => items().and_then(|mut items| items.nth(*at)).into_iter().collect(),
            Step::AnyItem => items().into_iter().flatten().collect(),
            Step::Where { key, value } => items()
                .into_iter()
                .flatten()
                .filter(|item| tree.get(*item, key).and_then(|id| tree.text(id)) == Some(value))
                .collect(),
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn bad(&self, message: &'static str) -> BadWay {
        BadWay { at: self.at.min(self.text.len()), message }
    }

    fn key(&mut self) -> Result<Step, BadWay> {
        let quoted = self.peek() == Some('"');
        let word = self.word(&['.', '['])?;
        Ok(if word == "*" && !quoted { Step::AnyKey } else { Step::Key(word) })
    }

    fn bracket(&mut self) -> Result<Step, BadWay> {
        let quoted = self.peek() == Some('"');
        let key = self.word(&[']', '='])?;
        let step = match self.peek() {
            Some('=') => {
                self.at += 1;
                Step::Where { key, value: self.word(&[']'])? }
            }
            _ if quoted => return Err(self.bad("`=` and a value belong here")),
            _ if key == "*" => Step::AnyItem,
            _ => Step::Item(key.parse().map_err(|_| self.bad("write `[3]`, `[*]` or `[name=web]`"))?),
        };
        if self.peek() != Some(']') {
            return Err(self.bad("the bracket is not closed"));
        }
        self.at += 1;
        Ok(step)
    }

    /// A word up to one of `ends`, or in double quotes.
    fn word(&mut self, ends: &[char]) -> Result<String, BadWay> {
        let rest = &self.text[self.at..];
        if let Some(inner) = rest.strip_prefix('"') {
            let end = inner.find('"').ok_or_else(|| self.bad("the quote is not closed"))?;
            self.at += end + 2;
            return Ok(inner[..end].to_owned());
        }
        let end = rest.find(ends).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.bad("a key is missing"));
        }
        if rest[..end].contains([']', '"']) {
            return Err(self.bad("a key with brackets or quotes stands in double quotes"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::view::Role;
    use super::*;
    use crate::yaml::{Lines, documents, parse};
    use std::collections::HashMap;

    fn values(way: &str, text: &str) -> Vec<String> {
        let tree = &parse(text, documents(text)[0]).unwrap()[0];
        let lines = Lines::new(text);
        let view = View { tree, lines: &lines, path: "x", marks: HashMap::new(), role: Role::File, declared: &[] };
        Way::parse(way).unwrap().find(&view).into_iter().map(|id| tree.text(id).unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn paths_lead_to_values() {
        let text = "a:\n  b.c: [x, {n: web, i: y}, {n: job, i: z}]\n  d: {e: w}\n";
        for (way, want) in [
            ("a.\"b.c\"[0]", vec!["x"]),
            ("a.\"b.c\"[n=web].i", vec!["y"]),
            ("a.\"b.c\"[n=\"web\"].i", vec!["y"]),
            ("a.\"b.c\"[*].i", vec!["y", "z"]),
            ("a.*.e", vec!["w"]),
            ("a.d", vec!["-"]),
            ("a.x.y", vec![]),
            ("[0]", vec![]),
        ] {
            assert_eq!(values(way, text), want, "{way}");
        }
        assert_eq!(values("[1]", "- a\n- b\n"), ["b"]);
    }

    #[test]
    fn what_is_no_path_says_where() {
        for (way, at) in [
            ("", 0),
            ("a..b", 2),
            ("a.", 2),
            ("a[", 2),
            ("a[x]", 3),
            ("a[n=", 4),
            ("a[0", 3),
            ("a\"b", 0),
            ("a[0]b", 5),
            ("\"a", 0),
        ] {
            assert_eq!(Way::parse(way).unwrap_err().at, at, "{way}");
        }
        let deep = |steps: usize| vec!["a"; steps].join(".");
        assert!(Way::parse(&deep(MAX_STEPS)).is_ok());
        assert!(Way::parse(&deep(MAX_STEPS + 1)).is_err());
    }
}
