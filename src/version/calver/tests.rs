//! Patterns, values and their order.

use super::*;
use proptest::prelude::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap()
}

#[test]
fn tokens_read_what_calver_org_says() {
    for (text, reads, leaves) in [
        ("YYYY.0M.MICRO", "2024.05.12", ""),
        ("YYYY.0M.MICRO", "2024.05.12-alpine3.19", "-alpine3.19"),
        ("YYYY.MM.DD", "2024.1.5", ""),
        ("YYYY.MM.DD", "2024.01.05", ""),
        ("YYYY.MM.DD", "2024.02.29", ""),
        ("YY.0M", "24.04", ""),
        ("YY.0M", "6.04", ""),
        ("YY.0M", "24.04.1", ".1"),
        ("YYYY0M0D", "20240501", ""),
        ("YYYY0M0D.MICRO", "20240501.3", ""),
        ("img_YYYY0M0D.MICRO", "img_20230915.3", ""),
        ("YYYY.WW", "2024.53", ""),
        ("YYYY-0W", "2024-03", ""),
        ("MAJOR.YYYY0M", "3.202405", ""),
        ("YY.MINOR.MICROMODIFIER", "24.1.0b2", ""),
        ("YYYY.MM.MICRO-MODIFIER", "2024.5.1-rc1", ""),
        ("YYYY.MM.MICRO-MODIFIER", "2024.5.1", ""),
        ("YYYY.MM.MICRO-MODIFIER", "2024.5.1-7", "-7"),
        ("YYYY.MM.MICRO-MODIFIER", "2024.5.1_alpine", "_alpine"),
        ("0D.0M.YYYY", "31.12.2024", ""),
    ] {
        assert_eq!(pattern(text).read(reads).map(|(_, rest)| rest), Some(leaves), "{text} {reads}");
    }
}

#[test]
fn what_is_no_date_is_not_read() {
    for (text, tag) in [
        ("YYYY.0M.MICRO", "2024.5.1"),
        ("YYYY.0M.MICRO", "24.05.1"),
        ("YYYY.0M.MICRO", "2024.13.1"),
        ("YYYY.0M.MICRO", "2024.00.1"),
        ("YYYY.0M.MICRO", "2024.05"),
        ("YYYY.0M.MICRO", "2024.05.99999999999999999999"),
        ("YYYY.MM.DD", "2023.2.29"),
        ("YYYY.MM.DD", "1900.2.29"),
        ("YYYY.MM.DD", "2024.4.31"),
        ("YYYY0M0D", "202405011"),
        ("YYYY0M0D", "2024050"),
        ("YYYY.WW", "2024.54"),
        ("YY.0M", "124.04"),
        ("YYYY.0M", "v2024.05"),
        ("YYYY.0M", "latest"),
        ("YYYY.0M", ""),
    ] {
        assert_eq!(pattern(text).read(tag), None, "{text} {tag}");
    }
}

#[test]
fn the_year_counts_before_the_month_and_the_month_before_the_day() {
    for (text, ascending) in [
        ("YYYY.0M.MICRO", &["2023.12.99", "2024.01.2", "2024.01.10", "2024.11.0"][..]),
        ("YYYY.MM.DD", &["2024.1.5", "2024.1.12", "2024.11.1", "2025.01.01"]),
        ("0D.0M.YYYY", &["31.12.2023", "01.02.2024", "02.01.2025"]),
        ("MAJOR.0D-0M-YYYY", &["1.31-12-2025", "2.31-12-2023", "2.01-01-2024"]),
        ("YY.MM.MICRO", &["9.12.0", "24.4.0", "24.10.0"]),
        ("YYYY.MM.MICRO-MODIFIER", &["2024.1.1-alpha", "2024.1.1-rc2", "2024.1.1-rc10", "2024.1.1", "2024.1.2-dev"]),
    ] {
        for pair in ascending.windows(2) {
            let (low, high) = (pattern(text).read(pair[0]).unwrap().0, pattern(text).read(pair[1]).unwrap().0);
            assert_eq!(low.compare(&high), Ordering::Less, "{text} {pair:?}");
        }
    }
    let equal = pattern("YYYY.MM");
    assert!(equal.read("2024.5").unwrap().0.compare(&equal.read("2024.05").unwrap().0).is_eq());
}

#[test]
fn patterns_that_mean_nothing_say_why_and_where() {
    for (text, said, span) in [
        ("", "has no year", 0..0),
        ("MAJOR.MINOR", "has no year", 0..11),
        ("YYYY.mm.QQ", "`QQ` is no token", 8..10),
        ("YYYY/0M", "`/` is no token", 4..5),
        ("YYYY.YY", "`YY` says again what `YYYY` says", 5..7),
        ("YYYY.MICRO.MICRO", "`MICRO` says again", 11..16),
        ("YYYYMM0D", "where `MM` ends cannot be told", 4..6),
        ("YYYY.MICRO5", "where `MICRO` ends cannot be told", 5..10),
        ("YYYY.MODIFIER.0M", "does not stand at the end", 5..13),
        ("YYYY.0D", "a day needs its month", 0..7),
        ("YYYY.0M.0W", "weeks do not go with months", 0..10),
        ("é", "`é` is no token", 0..2),
    ] {
        let error = Pattern::parse(text).unwrap_err();
        assert!(error.message.contains(said), "{text}: {error}");
        assert_eq!(error.span, span, "{text}");
    }
    assert!(Pattern::parse(&format!("YYYY{}", "-".repeat(MAX_TEXT - 4))).is_ok());
    assert!(Pattern::parse(&format!("YYYY{}", "-".repeat(MAX_TEXT - 3))).is_err());
}

proptest! {
    #[test]
    fn any_text_is_answered(text in any::<String>(), tag in any::<String>()) {
        let _ = Pattern::parse(&text).map(|pattern| pattern.read(&tag).is_some());
        let _ = pattern("YYYY.0M.MICRO-MODIFIER").read(&tag);
    }

    #[test]
    fn dates_stand_in_the_order_of_time(a in 0u32..400_000, b in 0u32..400_000) {
        let text = |n: u32| format!("{:04}{:02}{:02}", 1970 + n / 372, n / 31 % 12 + 1, n % 28 + 1);
        let value = |n| pattern("YYYY0M0D").read(&text(n)).unwrap().0;
        prop_assert_eq!(value(a).compare(&value(b)), text(a).cmp(&text(b)));
    }
}
