//! Texts as nodes, and what is wrong with them.

use super::*;

/// The documents of a text, and the messages about it.
fn read(text: &str) -> (Vec<Node>, Vec<String>) {
    let mut problems = Problems::new("x.yaml", text);
    let nodes = documents(text, &mut problems);
    let messages = problems.into_diagnostics().into_iter().map(|one| one.message);
    (nodes, messages.collect())
}

/// Every scalar below `node`.
fn scalars(node: &Node) -> Vec<&Scalar> {
    match &node.value {
        Value::Null | Value::Refused => Vec::new(),
        Value::Text(scalar) => vec![scalar],
        Value::List(items) => items.iter().flat_map(scalars).collect(),
        Value::Map(entries) => entries.iter().flat_map(|(_, value)| scalars(value)).collect(),
    }
}

#[test]
fn scalars_keep_their_text_and_can_be_pointed_into() {
    let text = "é: 1.10\nb: 'x y'\nc: \"x y\"\nd: |\n  lit\ne: \"a\\\"b\"\nf: [x, ~, null, '']\n";
    let (nodes, messages) = read(text);
    assert_eq!(messages, [""; 0]);
    let found: Vec<(&str, Option<&str>)> =
        scalars(&nodes[0]).into_iter().map(|scalar| (scalar.text.as_str(), scalar.part(1..2).of(text))).collect();
    let whole_when_unknown = Some("\"a\\\"b\"");
    assert_eq!(found[..3], [("1.10", Some(".")), ("x y", Some(" ")), ("x y", Some(" "))]);
    assert_eq!(found[3].0, "lit\n");
    assert_eq!(found[4], ("a\"b", whole_when_unknown));
    assert_eq!(found[5].0, "x");
    assert_eq!(found[6].0, "");
    assert_eq!(found.len(), 7, "`~` and `null` are nothing");
}

#[test]
fn limits_hold_at_their_edges() {
    let lists = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(read(&lists(MAX_DEPTH)).1, [""; 0]);
    assert_eq!(read(&lists(MAX_DEPTH + 1)).1.len(), 1);
    let values = |count: usize| format!("[{}]", "a,".repeat(count - 1));
    assert_eq!(read(&values(MAX_NODES)).1, [""; 0]);
    assert_eq!(read(&values(MAX_NODES + 1)).1, [format!("more than {MAX_NODES} values")]);
    let comment = |size: usize| format!("#{}", "x".repeat(size - 1));
    assert_eq!(read(&comment(MAX_FILE)).1, [""; 0]);
    assert_eq!(read(&comment(MAX_FILE + 1)).1, ["larger than 1024 KiB"]);
}

#[test]
fn bombs_are_small() {
    let laughs = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n";
    let (nodes, messages) = read(laughs);
    assert_eq!(scalars(&nodes[0]).len(), 2);
    assert_eq!(messages.len(), 6, "{messages:?}");
    for opening in ["[", "{", "- ", "{a: ", "? ", "\"", "&a ", "--- ", "a:\n", "!!a ", "%", "a: [\n---\n"] {
        let bomb = opening.repeat(100_000 / opening.len());
        let (_, messages) = read(&bomb);
        assert!(messages.len() <= 101, "{opening:?}");
    }
}

#[test]
fn a_document_that_is_no_yaml_does_not_hide_the_others() {
    let (nodes, messages) = read("a: [\n---\nb: 1\n--- # empty\n---\nc: {\n");
    assert_eq!(nodes.len(), 1);
    assert!(nodes[0].get("b").is_some());
    assert_eq!(messages.len(), 2, "{messages:?}");
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_spans_lie_inside_it(text in "[-a\\[\\]{}:,#&*!|>'\"%?~ \n\té]{0,60}") {
        let mut problems = Problems::new("x.yaml", &text);
        for node in documents(&text, &mut problems) {
            for scalar in scalars(&node) {
                proptest::prop_assert!(scalar.span.of(&text).is_some(), "{scalar:?}");
                if scalar.verbatim.is_some() {
                    proptest::prop_assert_eq!(scalar.part(0..scalar.text.len()).of(&text), Some(scalar.text.as_str()));
                }
            }
        }
        for one in problems.into_diagnostics() {
            proptest::prop_assert!(one.span.is_none_or(|span| span.of(&text).is_some()), "{one:?}");
        }
    }
}
