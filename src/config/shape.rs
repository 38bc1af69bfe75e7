//! What the shape of a file is made of: values that read themselves and describe themselves as JSON Schema.
//!
//! A [`Shape`] reads itself from a node, records everything that is wrong with it, and is the source of its own schema.
//! Mappings ([`Record`]) and closed lists of words are declared with the macros in `declare`.

use super::problems::Problems;
use super::tree::{Key, Node, Scalar, Value};
use crate::text::{Span, nearest};
use serde_json::{Map, Value as Json, json};

/// A value that can be read from a node and described as JSON Schema.
pub(super) trait Shape: Sized {
    /// Reads the value; `None` when something was wrong with it, which then stands in `problems`.
    fn read(node: &Node, problems: &mut Problems) -> Option<Self>;

    /// The JSON Schema (draft 2020-12) of the value.
    fn schema() -> Json;

    /// The value that holds when `self` is laid over `lower`. Mappings merge key by key; everything else replaces.
    fn over(self, _lower: Self) -> Self {
        self
    }
}

/// A value and the bytes it was read from.
#[derive(Debug, Clone)]
pub(super) struct Spanned<T> {
    pub(super) value: T,
    pub(super) span: Span,
    /// Nothing was wrong inside. What an unsound value lacks may only be misspelt, so it is not called missing.
    pub(super) sound: bool,
}

impl<T: Shape> Spanned<T> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Spanned<T>> {
        let before = problems.errors();
        let value = T::read(node, problems)?;
        Some(Spanned { value, span: node.span, sound: problems.errors() == before })
    }
}

/// What a mapping says under one key.
#[derive(Debug, Clone, Default)]
pub(super) enum Field<T> {
    #[default]
    Absent,
    /// It is there and wrong, which was reported: nothing may be concluded from it.
    Broken,
    Given(Spanned<T>),
}

impl<T: Shape> Field<T> {
    pub(super) fn over(self, lower: Field<T>) -> Field<T> {
        match (self, lower) {
            (Field::Absent, lower) => lower,
            (Field::Given(upper), Field::Given(lower)) => Field::Given(Spanned {
                value: upper.value.over(lower.value),
                span: upper.span,
                sound: upper.sound && lower.sound,
            }),
            (upper, _) => upper,
        }
    }
}

impl<T> Field<Vec<T>> {
    /// How many entries the list has.
    pub(super) fn entries(&self) -> usize {
        self.as_given().map_or(0, |list| list.value.len())
    }
}

impl<T> Field<T> {
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }

    /// The value with its place, when there is a good one.
    pub(super) fn given(self) -> Option<Spanned<T>> {
        match self {
            Field::Given(given) => Some(given),
            _ => None,
        }
    }

    pub(super) fn as_given(&self) -> Option<&Spanned<T>> {
        match self {
            Field::Given(given) => Some(given),
            _ => None,
        }
    }

    pub(super) fn value(self) -> Option<T> {
        self.given().map(|given| given.value)
    }
}

/// Why a key that people might write is not accepted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// Planned; the text says what works today.
    NotYet(&'static str),
    /// It never belongs here: why, and what to do instead.
    Never(&'static str, &'static str),
    /// Its value would be a secret, which is written nowhere, not even in the message; the text says what to do instead.
    Secret(&'static str),
}

impl Refusal {
    pub(super) fn report(self, what: &str, span: Span, problems: &mut Problems) {
        match self {
            Refusal::NotYet(hint) => problems.error(span, format!("not yet: `{what}`"), hint),
            Refusal::Never(why, hint) => problems.error(span, format!("`{what}` {why}"), hint),
            Refusal::Secret(hint) => {
                problems.error(span, format!("`{what}` would hold a secret inline"), hint);
                problems.keep_secret(span);
            }
        }
    }
}

/// A key that is not accepted, and why.
pub(super) type Refused = (&'static str, Refusal);

/// A mapping with known keys; made by `record!` in `declare`.
pub(super) trait Record: Sized {
    fn keys() -> Vec<&'static str>;
    fn required() -> Vec<&'static str>;
    fn refused() -> Vec<Refused>;
    /// Takes the known keys' values; unknown keys are the caller's concern.
    fn take(entries: &Entries<'_>, problems: &mut Problems) -> Self;
    /// Adds the keys' schemas.
    fn properties(into: &mut Map<String, Json>);
}

/// The entries of one mapping.
pub(super) struct Entries<'a>(&'a [(Key, Node)]);

impl Entries<'_> {
    pub(super) fn field<T: Shape>(&self, key: &str, problems: &mut Problems) -> Field<T> {
        let Some((_, node)) = self.0.iter().find(|(k, _)| k.text == key) else {
            return Field::Absent;
        };
        Spanned::read(node, problems).map_or(Field::Broken, Field::Given)
    }
}

/// Reads a mapping: refuses what is no mapping, unknown and refused keys, and missing ones.
pub(super) fn read_record<R: Record>(node: &Node, problems: &mut Problems) -> Option<R> {
    let Value::Map(entries) = &node.value else {
        let keys = R::keys().join("`, `");
        node.mismatch("a mapping", format!("its keys are `{keys}`"), problems);
        return None;
    };
    let (known, refused) = (R::keys(), R::refused());
    let mut meant = Vec::new();
    for (key, _) in entries.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
        match refused.iter().find(|(name, _)| *name == key.text) {
            Some((name, refusal)) => refusal.report(name, key.span, problems),
            None => meant.extend(unknown_key(key, &known, &refused, problems)),
        }
    }
    // A key that is there but misspelt was reported already.
    let missing = |key: &&str| node.get(key).is_none() && !meant.contains(key);
    for key in R::required().into_iter().filter(missing) {
        problems.error(node.span, format!("`{key}` is missing"), "");
    }
    Some(R::take(&Entries(entries), problems))
}

/// Reports the key, and returns the one that was probably meant.
fn unknown_key(
    key: &Key,
    known: &[&'static str],
    refused: &[Refused],
    problems: &mut Problems,
) -> Option<&'static str> {
    let candidates = known.iter().copied().chain(refused.iter().map(|(name, _)| *name));
    let near = nearest(&key.text, candidates);
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: `{}`", known.join("`, `")),
    };
    problems.error(key.span, format!("unknown key `{}`", shown(&key.text)), hint);
    let secret = |(name, refusal): &Refused| Some(*name) == near && matches!(refusal, Refusal::Secret(_));
    if refused.iter().any(secret) {
        problems.keep_secret(key.span);
    }
    near
}

/// The JSON Schema of a record.
pub(super) fn record_schema<R: Record>(about: &str) -> Json {
    let mut properties = Map::new();
    R::properties(&mut properties);
    let mut schema = json!({
        "type": "object",
        "description": about,
        "additionalProperties": false,
        "properties": properties,
    });
    if !R::required().is_empty() {
        schema["required"] = json!(R::required());
    }
    schema
}

/// The schema of one key: its type's, described by the key's own words.
pub(super) fn described<T: Shape>(about: &str) -> Json {
    let mut schema = T::schema();
    schema["description"] = json!(about);
    schema
}

/// Doc lines as one paragraph.
pub(super) fn paragraph(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

/// The scalar that stands at `node`; anything else is reported.
pub(super) fn scalar<'a>(node: &'a Node, wanted: &str, problems: &mut Problems) -> Option<&'a Scalar> {
    match &node.value {
        Value::Text(scalar) => Some(scalar),
        _ => {
            node.mismatch(wanted, "", problems);
            None
        }
    }
}

/// The word that stands at `node`, as its place in `words`.
pub(super) fn read_word(node: &Node, words: &[&str], refused: &[Refused], problems: &mut Problems) -> Option<usize> {
    let all = words.join("`, `");
    let scalar = scalar(node, &format!("one of `{all}`"), problems)?;
    if let Some(at) = words.iter().position(|word| *word == scalar.text) {
        return Some(at);
    }
    match refused.iter().find(|(word, _)| *word == scalar.text) {
        Some((word, refusal)) => refusal.report(word, scalar.span, problems),
        None => {
            let hint = match nearest(&scalar.text, words.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("one of `{all}`"),
            };
            problems.error(scalar.span, format!("unknown value `{}`", shown(&scalar.text)), hint);
        }
    }
    None
}

/// Enough of a text to recognise it in a message.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

impl<T: Shape> Shape for Vec<Spanned<T>> {
    fn read(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let hint = match &node.value {
                Value::Text(scalar) => format!("write `[{}]`", shown(&scalar.text)),
                _ => String::new(),
            };
            node.mismatch("a list", hint, problems);
            return None;
        };
        let read: Vec<Option<Spanned<T>>> = items.iter().map(|item| Spanned::read(item, problems)).collect();
        read.into_iter().collect()
    }

    fn schema() -> Json {
        json!({ "type": "array", "items": T::schema() })
    }
}

impl Shape for bool {
    fn read(node: &Node, problems: &mut Problems) -> Option<bool> {
        let scalar = scalar(node, "`true` or `false`", problems)?;
        match (scalar.plain, scalar.text.as_str()) {
            (true, "true") => Some(true),
            (true, "false") => Some(false),
            _ => {
                let found = shown(&scalar.text);
                problems.error(scalar.span, format!("expected `true` or `false`, found `{found}`"), "");
                None
            }
        }
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}
