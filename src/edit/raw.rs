//! The proof for text that is not read as YAML: declared patterns, and marked lines of templates.
//!
//! ```text
//! FROM ghcr.io/acme/web:1.4.2 AS build      # the splice covers `ghcr.io/acme/web:1.4.2`, and nothing else moves
//! ```
//!
//! All that can be proven is that the bytes outside of the splices are the same, that each splice stands where it should,
//! and that a file which was YAML before is YAML afterwards, in which no value that was set reads as a number or a date:
//! `1.10` without quotes would be 1.1.

use super::EditError;
use super::splice::{Meaning, Splice};
use crate::text::{Span, position};
use crate::yaml::{self, Kind, Style};
use std::collections::HashMap;

/// Compares the texts; `splices` are all that lead from `old` to `new`, those of YAML values included.
pub(super) fn prove(old: &str, new: &str, splices: &[Splice]) -> Result<(), EditError> {
    let unproven = |what: &str| Err(EditError::Unproven(what.to_owned()));
    let (mut was, mut is) = (0, 0);
    let mut set = HashMap::new();
    for splice in splices {
        let kept = old.get(was..splice.span.start);
        let length = splice.span.start - was;
        if kept.is_none() || kept != new.get(is..is + length) {
            return unproven("bytes outside of the changes differ");
        }
        is += length;
        if new.get(is..is + splice.text.len()) != Some(splice.text.as_str()) {
            return unproven("a change does not stand where it should");
        }
        if let Meaning::Raw { old: stood } = &splice.meaning {
            if splice.span.of(old) != Some(stood) {
                return Err(EditError::Stale { line: position(old, splice.span.start).line });
            }
            if splice.text.contains(|c: char| c.is_whitespace() || c.is_control()) {
                return unproven("a value with blanks in it");
            }
        }
        set.insert(Span::new(is, is + splice.text.len()), splice.span.start);
        is += splice.text.len();
        was = splice.span.end;
    }
    if old.get(was..) != new.get(is..) {
        return unproven("bytes outside of the changes differ");
    }
    match (is_yaml(old), is_yaml(new)) {
        (true, false) => unproven("the file is no YAML afterwards"),
        (true, true) => read_as_texts(old, new, &set),
        (false, _) => Ok(()),
    }
}

/// Whether each value that was set and is a plain scalar of its own is still a text; `set` holds where in the old text.
fn read_as_texts(old: &str, new: &str, set: &HashMap<Span, usize>) -> Result<(), EditError> {
    let events = yaml::documents(new).into_iter().flat_map(|piece| yaml::Events::new(new, piece));
    for event in events.flatten() {
        if let Kind::Scalar { value, style: Style::Plain } = &event.kind
            && let Some(start) = set.get(&event.span)
            && !yaml::reads_as_string(value)
        {
            return Err(EditError::Unwritable { line: position(old, *start).line });
        }
    }
    Ok(())
}

fn is_yaml(text: &str) -> bool {
    yaml::documents(text).into_iter().all(|piece| yaml::Events::new(text, piece).all(|event| event.is_ok()))
}

#[cfg(test)]
mod tests {
    use super::super::splice::join;
    use super::*;

    fn splice(start: usize, old: &str, text: &str) -> Splice {
        let span = Span::new(start, start + old.len());
        Splice { span, text: text.into(), meaning: Meaning::Raw { old: old.into() } }
    }

    #[test]
    fn exactly_the_token_changes() {
        let old = "FROM a:1\nFROM b:1\n";
        let splices = [splice(5, "a:1", "a:2"), splice(14, "b:1", "b:10")];
        assert_eq!(prove(old, &join(old, &splices), &splices), Ok(()));
        for new in ["FROM a:2\nFROM b:10", "FROM a:2\nFROM b:10\n\n", "FROM a:2\nfrom b:10\n", old] {
            assert!(prove(old, new, &splices).is_err(), "{new}");
        }
    }

    #[test]
    fn a_value_that_would_be_a_number_is_not_written_without_quotes() {
        for (old, at, fits) in [
            ("ver: 1.9\n", 5, false),
            ("ver: '1.9'\n", 6, true),
            ("image: web:1.9\n", 11, true),
            ("FROM web:1.9 AS x\n- b: {\n", 9, true),
        ] {
            let splices = [splice(at, "1.9", "1.10")];
            let proven = prove(old, &join(old, &splices), &splices);
            assert_eq!(proven, if fits { Ok(()) } else { Err(EditError::Unwritable { line: 1 }) }, "{old}");
        }
    }

    #[test]
    fn a_stale_file_blanks_and_broken_yaml_are_refused() {
        let stale = [splice(0, "b", "c")];
        assert_eq!(prove("a", &join("a", &stale), &stale), Err(EditError::Stale { line: 1 }));
        let blank = [splice(0, "a", "b c")];
        assert!(prove("a", &join("a", &blank), &blank).is_err());
        let broken = [splice(3, "b", "[")];
        assert!(prove("a: b\n", &join("a: b\n", &broken), &broken).is_err());
    }
}
