//! What the settings say of when nothing is written, how much a run writes, and how far it looks back.

use super::declare::record;
use super::problems::Problems;
use super::shape::{Field, shown};
use super::tree::Scalar;
use super::values::FromScalar;
use crate::schedule::Freeze;
use crate::version::history::MAX_COMMITS;
use serde_json::{Value as Json, json};
use std::num::NonZeroUsize;

/// The most changes that can be asked for; more is all of them.
const MAX_CHANGES: usize = 100_000;

record! {
    /// A time in which nothing is written, whatever the policies say.
    pub(super) struct FreezeShape {
        /// When it is over: a day, `YYYY-MM-DD` in UTC, which is frozen too, or a moment such as `2026-12-31T18:00:00+01:00`.
        "until" required => until: End,
        /// Why, for the people whose changes it holds.
        "reason" => reason: String,
    }
}

/// The end of a freeze; seconds since 1970, UTC.
#[derive(Debug, Clone)]
pub(super) struct End(i64);

impl FromScalar for End {
    const WANTED: &'static str = "a day or a moment";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<End> {
        let end = Freeze::end(&scalar.text);
        if end.is_none() {
            let message = format!("`{}` is neither a day nor a moment", shown(&scalar.text));
            problems.error(
                scalar.span,
                message,
                "write `YYYY-MM-DD`, or `YYYY-MM-DDTHH:MM:SSZ` with an offset for `Z`",
            );
        }
        end.map(End)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].+)?$" })
    }
}

/// The freeze that the settings name.
pub(super) fn freeze(field: Field<FreezeShape>) -> Option<Freeze> {
    let shape = field.value()?;
    Some(Freeze { until: shape.until.value()?.0, reason: shape.reason.value() })
}

/// A number of changes.
#[derive(Debug, Clone)]
pub(super) struct ChangeCount(pub(super) NonZeroUsize);

impl FromScalar for ChangeCount {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<ChangeCount> {
        let count = scalar.text.parse().ok().filter(|count| *count <= MAX_CHANGES).and_then(NonZeroUsize::new);
        if count.is_none() {
            let message = format!("expected a number from 1 to {MAX_CHANGES}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "`freeze` lets nothing be written");
        }
        count.map(ChangeCount)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": MAX_CHANGES })
    }
}

/// A number of commits; none is a choice too.
#[derive(Debug, Clone)]
pub(super) struct CommitCount(pub(super) usize);

impl FromScalar for CommitCount {
    const WANTED: &'static str = "a number";

    fn from_scalar(scalar: &Scalar, problems: &mut Problems) -> Option<CommitCount> {
        let count = scalar.text.parse().ok().filter(|count| *count <= MAX_COMMITS);
        if count.is_none() {
            let message = format!("expected a number from 0 to {MAX_COMMITS}, found `{}`", shown(&scalar.text));
            problems.error(scalar.span, message, "");
        }
        count.map(CommitCount)
    }

    fn scalar_schema() -> Json {
        json!({ "type": "integer", "minimum": 0, "maximum": MAX_COMMITS })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::settings::{self, Settings};

    fn read(body: &str) -> Option<Settings> {
        let text = format!("apiVersion: landwaiter/v1\nkind: Settings\n{body}\n");
        settings::read("settings.yaml", &text).ok()
    }

    #[test]
    fn the_history_is_bounded_at_its_edges() {
        for (text, expected) in [("0", Some(0)), ("1", Some(1)), ("250000", Some(250_000))] {
            assert_eq!(read(&format!("limits: {{history: {text}}}")).unwrap().limits.history, expected);
        }
        for text in ["250001", "-1", "all", "1.5", "''"] {
            assert!(read(&format!("limits: {{history: {text}}}")).is_none(), "{text}");
        }
        assert_eq!(read("limits: {}").unwrap().limits.history, None);
    }

    #[test]
    fn the_pace_is_bounded_at_its_edges() {
        for (text, expected) in [("1", 1), ("100000", 100_000)] {
            let limits = read(&format!("limits: {{changesPerRun: {text}}}")).unwrap().limits;
            assert_eq!(limits.changes_per_run.unwrap().get(), expected);
        }
        for text in ["0", "100001", "-1", "some"] {
            assert!(read(&format!("limits: {{changesPerRun: {text}}}")).is_none(), "{text}");
        }
    }

    #[test]
    fn a_freeze_has_an_end_and_may_have_a_reason() {
        let freeze = read("freeze: {until: 2026-12-31, reason: year end}").unwrap().freeze.unwrap();
        assert_eq!((freeze.until, freeze.reason.as_deref()), (1_798_761_600, Some("year end")));
        let freeze = read("freeze: {until: '2026-12-31T18:00:00+01:00'}").unwrap().freeze.unwrap();
        assert_eq!((freeze.until, freeze.reason), (1_798_736_400, None));
        for bad in
            ["{reason: x}", "{until: soon}", "{until: 2026-02-30}", "true", "{until: 2026-12-31, from: 2026-12-01}"]
        {
            assert!(read(&format!("freeze: {bad}")).is_none(), "{bad}");
        }
        assert_eq!(read("limits: {}").unwrap().freeze, None);
    }
}
