//! What readers take a plain scalar for.
//!
//! YAML 1.1 and 1.2 differ, and so do PyYAML, go-yaml and stricter readers. A text is a string here only when all of them
//! read one: not `1.10`, `1e3`, `12:30`, `yes`, `2024-01-15`; but `2.0.0`, which only the letter of YAML 1.1 calls a float.

/// Whether a plain scalar with this text is a string to readers of YAML 1.1 and 1.2 alike.
pub fn reads_as_string(text: &str) -> bool {
    !(is_word(text) || is_number(text) || is_time(text))
}

/// Null, booleans, merge and default keys, in the spellings of YAML 1.1.
fn is_word(text: &str) -> bool {
    let cased = |word: &str| {
        let mut title = word[..1].to_ascii_uppercase();
        title += &word[1..];
        text == word || text == word.to_ascii_uppercase() || text == title
    };
    matches!(text, "" | "~" | "<<" | "=")
        || ["null", "true", "false", "yes", "no", "on", "off", "y", "n"].into_iter().any(cased)
}

/// Integers and floats in every base and spelling, underscores and sexagesimal parts included.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).replace('_', "");
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return false;
    }
    let all = |text: &str, digit: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|b| digit(&b));
    let lower = digits.to_ascii_lowercase();
    if matches!(lower.as_str(), ".inf" | ".nan") {
        return true;
    }
    if let Some(hex) = lower.strip_prefix("0x") {
        return all(hex, u8::is_ascii_hexdigit);
    }
    if let Some(rest) = lower.strip_prefix("0o").or_else(|| lower.strip_prefix("0b")) {
        return all(rest, u8::is_ascii_digit);
    }
    let (mantissa, exponent) = match lower.split_once('e') {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (lower.as_str(), None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let sexagesimal = exponent.is_none() && whole.split(':').all(|part| !part.is_empty() && number(part));
    (number(whole) || sexagesimal)
        && number(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|text| all(text, u8::is_ascii_digit))
}

/// Dates and instants: `2024-1-5` and whatever begins so and goes on with a time.
fn is_time(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let (Some(year), Some(month), Some(rest)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let day = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    year.len() == 4
        && number(year)
        && matches!(month.len(), 1 | 2)
        && number(month)
        && matches!(day, 1 | 2)
        && (rest.len() == day || rest[day..].starts_with(['T', 't', ' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_reader_would_not_take_for_a_string() {
        for text in [
            "",
            "~",
            "null",
            "Null",
            "NULL",
            "true",
            "False",
            "yes",
            "NO",
            "on",
            "Off",
            "y",
            "N",
            "<<",
            "=",
            "0",
            "12",
            "-1",
            "+1",
            "1_000",
            "0123",
            "0899",
            "0o7",
            "0x1f",
            "0x1F",
            "0b101",
            "1.10",
            "1.",
            ".5",
            "1e3",
            "1e10",
            "1E+3",
            "1.5e-3",
            "706798e8",
            "12345678",
            "4200077",
            ".inf",
            "-.Inf",
            ".NaN",
            "12:30",
            "190:20:30",
            "1:30.5",
            "2024-01-15",
            "2024-1-5",
            "2024-01-15T10:00:00Z",
            "2001-12-14 21:59:43.10 -5",
            "1_000.5",
        ] {
            assert!(!reads_as_string(text), "{text:?}");
        }
    }

    #[test]
    fn what_every_reader_takes_for_a_string() {
        for text in [
            "2.0.0",
            "v1.10",
            "1.2.3",
            "abc1234",
            "1.10-alpine",
            "2024.01.15",
            "2024-01-15-alpine",
            "20240115-a1b2c3d",
            "nginx",
            "nginx:1.27",
            "sha256:00",
            "0x",
            "0xyz",
            "1e",
            "e3",
            "1-2",
            "12:",
            "nil",
            "yesterday",
            "1.2.3e4",
            ".",
            "-",
            "1:a",
            "localhost:5000/a:1",
            "0b",
            "2024-01",
            "10.0.0.1",
        ] {
            assert!(reads_as_string(text), "{text:?}");
        }
    }
}
