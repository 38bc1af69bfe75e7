//! Lines for people: foreign texts made harmless, and cut at the bounds of a medium.

use super::message::Message;
use crate::config::settings::{MessageValues, NewsValues};

/// The most characters of a foreign text in a message.
pub(super) const MAX_TEXT: usize = 300;

/// One line of at most [`MAX_TEXT`] characters, without what drives a terminal, hides, or turns the direction of writing.
pub(super) fn harmless(text: &str) -> String {
    cut(&crate::render::plain(&text.split_whitespace().collect::<Vec<_>>().join(" ")), MAX_TEXT)
}

/// At most so many characters as JavaScript counts them, which is how these services count; the last one is then `…`.
pub(super) fn cut(text: &str, limit: usize) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let mut room = limit.saturating_sub(1);
    let kept: String = text
        .chars()
        .take_while(|c| {
            let fits = c.len_utf16() <= room;
            room = if fits { room - c.len_utf16() } else { 0 };
            fits
        })
        .collect();
    kept + "…"
}

/// UTF-16 units.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Where it happened, for people.
pub(super) fn place(message: &Message) -> String {
    place_of(&message.repository, &message.branch)
}

pub(super) fn place_of(repository: &str, branch: &str) -> String {
    match (repository, branch) {
        ("", _) => String::new(),
        (repository, "") => repository.to_owned(),
        (repository, branch) => format!("{repository} ({branch})"),
    }
}

/// The body: the operator's template, or one line for each of the news. `escape` makes foreign texts harmless for the medium.
/// At most `limit` characters; what does not fit is counted.
pub(super) fn body(message: &Message, sender: &super::Sender, limit: usize, escape: &dyn Fn(&str) -> String) -> String {
    if let Some(template) = &sender.template {
        // It was tried when the settings were read; what still fails shows our own words rather than nothing.
        if let Ok(text) = template.render(&escaped(message, escape)) {
            return cut(text.trim(), limit);
        }
    }
    lines(message, limit, escape)
}

fn lines(message: &Message, limit: usize, escape: &dyn Fn(&str) -> String) -> String {
    // Room for the line that counts the rest.
    const REST: usize = 40;
    let mut text = String::new();
    let mut shown = 0;
    for news in &message.news {
        let line = format!("• {}\n", escape(&news.text));
        if length(&text) + length(&line) + REST > limit {
            break;
        }
        text.push_str(&line);
        shown += 1;
    }
    let rest = message.count() - shown;
    if rest > 0 {
        text.push_str(&format!("and {rest} more"));
    }
    text.trim_end().to_owned()
}

/// The values of a template with every foreign text escaped.
pub(super) fn escaped(message: &Message, escape: &dyn Fn(&str) -> String) -> MessageValues {
    let values = message.values();
    let news = |one: &NewsValues| NewsValues {
        kind: one.kind,
        text: escape(&one.text),
        image: escape(&one.image),
        policy: escape(&one.policy),
        file: escape(&one.file),
        line: one.line,
        from: escape(&one.from),
        to: escape(&one.to),
        reason: one.reason.clone(),
        detail: escape(&one.detail),
        url: escape(&one.url),
    };
    MessageValues {
        title: escape(&values.title),
        repository: escape(&values.repository),
        branch: escape(&values.branch),
        news: values.news.iter().map(news).collect(),
        ..values
    }
}

/// Pieces of at most `limit` characters, broken at line ends where that is possible, and never inside `&amp;` and the like.
pub(super) fn pieces(text: &str, limit: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let mut rest = line;
        while !rest.is_empty() {
            let room = limit - pieces.last().map_or(0, |piece| length(piece));
            if length(rest) <= room {
                pieces.last_mut().into_iter().for_each(|piece| piece.push_str(rest));
                break;
            }
            if room < limit {
                pieces.push(String::new());
                continue;
            }
            let end = break_before(rest, limit);
            pieces.last_mut().into_iter().for_each(|piece| piece.push_str(&rest[..end]));
            pieces.push(String::new());
            rest = &rest[end..];
        }
    }
    pieces.iter().map(|piece| piece.trim_end().to_owned()).filter(|piece| !piece.is_empty()).collect()
}

/// The most bytes of `text` that are no more than `limit` characters and end in no entity.
fn break_before(text: &str, limit: usize) -> usize {
    let mut taken = 0;
    let over = text.char_indices().find(|(_, c)| {
        taken += c.len_utf16();
        taken > limit
    });
    let end = over.map_or(text.len(), |(at, _)| at);
    match text[..end].rfind('&') {
        Some(start) if start > 0 && !text[start..end].contains(';') => start,
        _ => end,
    }
}

/// The URL, if it is one that a person may be led to.
pub(super) fn link(url: &str) -> Option<String> {
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then(|| parsed.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_at_their_edge() {
        assert_eq!(cut(&"x".repeat(10), 10), "x".repeat(10));
        assert_eq!(cut(&"x".repeat(11), 10), format!("{}…", "x".repeat(9)));
        assert_eq!(cut("😀😀😀", 5), "😀😀…", "a surrogate pair counts twice");
        assert_eq!(harmless("a\n\n b\u{202e}c"), "a b\u{fffd}c");
        assert_eq!(length(&harmless(&"ü".repeat(MAX_TEXT + 1))), MAX_TEXT);
    }

    #[test]
    fn pieces_end_with_lines_and_never_in_an_entity() {
        assert_eq!(pieces("aaaa\nbbbb\ncc", 10), ["aaaa\nbbbb", "cc"]);
        assert_eq!(pieces("aaaaaaaa&amp;b", 10), ["aaaaaaaa", "&amp;b"]);
        assert_eq!(pieces(&"x".repeat(25), 10), ["x".repeat(10), "x".repeat(10), "x".repeat(5)]);
        assert_eq!(pieces("", 10), [""; 0]);
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert!(link("https://git.example.com/acme/config/pulls/3").is_some());
        for bad in ["javascript:alert(1)", "file:///etc/passwd", "no url", "slack://channel?id=1"] {
            assert_eq!(link(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_between_pieces(text in "[a-z&;é😀\n ]{0,200}", limit in 8usize..40) {
            let pieces = pieces(&text, limit);
            proptest::prop_assert!(pieces.iter().all(|piece| length(piece) <= limit));
            let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(bare(&pieces.concat()), bare(&text));
        }
    }
}
