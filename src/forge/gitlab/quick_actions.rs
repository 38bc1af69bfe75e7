//! Lines that GitLab would take for commands, made harmless and read back
//! (<https://docs.gitlab.com/user/project/quick_actions/>). Pure.

/// A text in which no line begins with a command: a slash that comes first, perhaps after other escapes, gets a backslash.
pub(super) fn escaped(text: &str) -> String {
    each_line(
        text,
        |line| if line.trim_start_matches('\\').starts_with('/') { format!("\\{line}") } else { line.into() },
    )
}

/// What [`escaped`] was made of.
pub(super) fn unescaped(text: &str) -> String {
    each_line(text, |line| match line.strip_prefix('\\') {
        Some(rest) if rest.trim_start_matches('\\').starts_with('/') => rest.into(),
        _ => line.into(),
    })
}

fn each_line(text: &str, change: impl Fn(&str) -> String) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let bare = line.trim_start();
        format!("{}{}", &line[..line.len() - bare.len()], change(bare))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn no_line_begins_with_a_command() {
        for (text, sent) in [
            ("/merge", "\\/merge"),
            ("a\n  /close\r\nb", "a\n  \\/close\r\nb"),
            ("a\n\r/close", "a\n\r\\/close"),
            ("a /merge\n<!-- /x -->\n", "a /merge\n<!-- /x -->\n"),
            ("\\/merge", "\\\\/merge"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), sent);
            assert_eq!(unescaped(sent), text);
        }
    }

    proptest! {
        #[test]
        fn what_was_escaped_reads_as_it_was(text in "[\\\\/a \n]{0,20}") {
            let sent = escaped(&text);
            prop_assert!(sent.lines().all(|line| !line.trim_start().starts_with('/')));
            prop_assert_eq!(unescaped(&sent), text);
        }
    }
}
