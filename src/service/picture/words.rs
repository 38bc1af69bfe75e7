//! Texts that occur a thousand times are kept once, and none is longer than it can be read.

use std::collections::HashSet;
use std::sync::Arc;

/// The most characters of a text that are kept.
pub const MAX_TEXT: usize = 400;

/// The texts of one picture of a branch.
#[derive(Debug, Default)]
pub(super) struct Words(HashSet<Arc<str>>);

impl Words {
    /// The text, cut where it is too long, shared with all that are equal.
    pub(super) fn share(&mut self, text: &str) -> Arc<str> {
        let text = cut(text);
        if let Some(known) = self.0.get(text.as_ref()) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}

/// At most [`MAX_TEXT`] characters of the text; what is missing is shown. What would not be seen, or change what is, is no part of it.
pub(super) fn cut(text: &str) -> std::borrow::Cow<'_, str> {
    let plain = |text: &str| {
        if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()) {
            None
        } else {
            Some(crate::render::plain(text))
        }
    };
    match text.char_indices().nth(MAX_TEXT) {
        None => plain(text).map_or(text.into(), Into::into),
        Some((end, _)) => format!("{}…", plain(&text[..end]).as_deref().unwrap_or(&text[..end])).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_one_and_long_ones_are_cut_at_the_limit() {
        let mut words = Words::default();
        let (one, two) = (words.share("held"), words.share("held"));
        assert!(Arc::ptr_eq(&one, &two));
        let whole = "é".repeat(MAX_TEXT);
        assert_eq!(&*words.share(&whole), whole);
        assert_eq!(&*words.share(&format!("{whole}x")), format!("{whole}…"));
    }
}
