//! When windows are open, and when they open next: zones, clocks that are set, freezes.

use super::super::window::Days;
use super::*;
use proptest::prelude::*;

fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).as_second()
}

/// `mon-fri 09:00-16:00 Europe/Berlin`, with `deny` in front for the other kind.
fn window(text: &str) -> Window {
    let mut words: Vec<&str> = text.split(' ').collect();
    let effect = if words[0] == "deny" { Effect::Deny } else { Effect::Allow };
    words.retain(|word| *word != "deny");
    let minutes = |time: &str| {
        let (hours, minutes) = time.split_once(':').unwrap();
        hours.parse::<u16>().unwrap() * 60 + minutes.parse::<u16>().unwrap()
    };
    let (from, to) = words[1].split_once('-').unwrap();
    Window {
        effect,
        days: Days::parse(words[0]).unwrap(),
        from: minutes(from),
        to: minutes(to),
        zone: Zone::parse(words[2]).unwrap(),
        ..Window::default()
    }
}

fn opens(windows: &[Window], now: &str) -> String {
    match Windows::new(windows.to_vec()).closed(at(now)) {
        None => "open".to_owned(),
        Some(closed) => closed.opens.unwrap_or_else(|| "never".to_owned()),
    }
}

#[test]
fn without_a_window_everything_is_allowed() {
    assert_eq!(opens(&[], "2026-11-21T09:00:00Z"), "open");
    let night = [window("deny mon-sun 22:00-06:00 UTC")];
    assert_eq!(opens(&night, "2026-11-21T12:00:00Z"), "open");
    assert_eq!(opens(&night, "2026-11-21T23:00:00Z"), "2026-11-22 06:00 +00:00 (UTC)");
}

#[test]
fn hours_are_those_of_the_time_zone() {
    let office = [window("mon-fri 09:00-16:00 Europe/Berlin")];
    for (now, expected) in [
        ("2026-11-20T07:59:59Z", "2026-11-20 09:00 +01:00 (Europe/Berlin)"),
        ("2026-11-20T08:00:00Z", "open"),
        ("2026-11-20T14:59:59Z", "open"),
        ("2026-11-20T15:00:00Z", "2026-11-23 09:00 +01:00 (Europe/Berlin)"),
        ("2026-07-01T07:00:00Z", "open"),
        ("2026-07-01T06:59:00Z", "2026-07-01 09:00 +02:00 (Europe/Berlin)"),
    ] {
        assert_eq!(opens(&office, now), expected, "{now}");
    }
}

#[test]
fn clocks_that_are_set_forward_skip_a_window_or_open_it_later() {
    // In Berlin 02:00 to 03:00 does not exist on 2026-03-29, a Sunday.
    let inside = [window("sun 02:15-02:45 Europe/Berlin")];
    assert_eq!(opens(&inside, "2026-03-29T00:00:00Z"), "2026-04-05 02:15 +02:00 (Europe/Berlin)");
    let across = [window("sun 02:30-04:00 Europe/Berlin")];
    assert_eq!(opens(&across, "2026-03-29T00:00:00Z"), "2026-03-29 03:00 +02:00 (Europe/Berlin)");
    assert_eq!(opens(&across, "2026-03-29T01:00:00Z"), "open", "03:00, the moment after 01:59");
}

#[test]
fn clocks_that_are_set_back_open_a_window_twice() {
    // In Berlin 02:00 to 03:00 is shown twice on 2026-10-25, a Sunday.
    let inside = [window("sun 02:15-02:45 Europe/Berlin")];
    for (now, expected) in [
        ("2026-10-25T00:15:00Z", "open"),
        ("2026-10-25T00:45:00Z", "2026-10-25 02:15 +01:00 (Europe/Berlin)"),
        ("2026-10-25T01:15:00Z", "open"),
        ("2026-10-25T01:45:00Z", "2026-11-01 02:15 +01:00 (Europe/Berlin)"),
    ] {
        assert_eq!(opens(&inside, now), expected, "{now}");
    }
    let before = [window("deny sun 00:00-02:30 Europe/Berlin")];
    assert_eq!(opens(&before, "2026-10-25T00:00:00Z"), "2026-10-25 02:30 +02:00 (Europe/Berlin)");
}

#[test]
fn a_freeze_outranks_what_is_allowed_and_names_its_end() {
    let date = |text: &str| text.parse::<Date>().unwrap();
    let freeze = Window {
        effect: Effect::Deny,
        first: Some(date("2026-12-18")),
        last: Some(date("2027-01-03")),
        zone: Zone::parse("Europe/Berlin").unwrap(),
        reason: Some("end of the year".to_owned()),
        ..Window::default()
    };
    let windows = Windows::new(vec![window("mon-fri 09:00-16:00 Europe/Berlin"), freeze.clone()]);
    let closed = windows.closed(at("2026-12-21T10:00:00Z")).unwrap();
    assert_eq!(closed.denied.as_deref(), Some("end of the year"));
    assert_eq!(closed.opens.as_deref(), Some("2027-01-04 09:00 +01:00 (Europe/Berlin)"));
    assert_eq!(windows.closed(at("2026-12-17T10:00:00Z")), None);
    assert_eq!(opens(std::slice::from_ref(&freeze), "2026-12-21T10:00:00Z"), "2027-01-04 00:00 +01:00 (Europe/Berlin)");
    let far = Window { last: Some(date("2199-12-31")), reason: None, ..freeze };
    assert_eq!(opens(&[far], "2026-12-21T10:00:00Z"), "2200-01-01 00:00 +01:00 (Europe/Berlin)");
}

#[test]
fn what_never_opens_again_is_said() {
    let past = Window { last: Some("2020-01-01".parse().unwrap()), ..Window::default() };
    assert_eq!(opens(&[past], "2026-12-21T10:00:00Z"), "never");
    let always = Window { effect: Effect::Deny, ..Window::default() };
    assert_eq!(opens(&[always], "2026-12-21T10:00:00Z"), "never");
    let taken = [window("mon-fri 09:00-16:00 UTC"), window("deny mon-sun 08:00-17:00 UTC")];
    assert_eq!(opens(&taken, "2026-12-21T10:00:00Z"), "never");
    assert_eq!(Windows::new(taken.to_vec()).closed(i64::MAX), None, "no clock shows this");
}

fn any_window() -> impl Strategy<Value = Window> {
    let zones = prop_oneof![Just("UTC"), Just("Europe/Berlin"), Just("America/New_York"), Just("Asia/Kathmandu")];
    let dates = proptest::option::of((0i64..60).prop_map(|days| {
        let start: Date = "2026-10-01".parse().unwrap();
        start.checked_add(Span::new().days(days)).unwrap()
    }));
    (any::<bool>(), 1u8..128, 0u16..48, 1u16..48, dates.clone(), dates, zones).prop_map(
        |(allow, days, from, length, first, last, zone)| {
            let picked = Days::WORDS.iter().enumerate().filter(|(at, _)| days & (1 << at) != 0);
            let days = picked.fold(Days::NONE, |all, (_, word)| all.and(Days::parse(word).unwrap()));
            let (from, to) = (from * 30, (from * 30 + length * 30) % 1440);
            let to = if to == 0 { 1440 } else { to };
            let effect = if allow { Effect::Allow } else { Effect::Deny };
            let from = if from == to { 0 } else { from };
            Window { effect, days, from, to, first, last, zone: Zone::parse(zone).unwrap(), reason: None }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The moment that is named is the first: it is open, and no half hour before it is.
    #[test]
    fn what_opens_is_the_first_that_is_open(windows in proptest::collection::vec(any_window(), 0..4), hours in 0i64..1500) {
        let windows = Windows::new(windows);
        let now = Timestamp::from_second(at("2026-10-01T00:10:00Z") + hours * 3600).unwrap();
        prop_assume!(!windows.allows(now));
        let opens = windows.opens(now).map(|(moment, _)| moment);
        let end = opens.map_or(now.as_second() + 120 * 86_400, Timestamp::as_second);
        let mut second = now.as_second();
        while second < end {
            prop_assert!(!windows.allows(Timestamp::from_second(second).unwrap()), "open at {second}, named {opens:?}");
            second += 1_800;
        }
        prop_assert!(opens.is_none_or(|moment| windows.allows(moment)));
    }
}
