//! Order, rate, pauses and bounds of what waits, at their edges.

use super::*;
use crate::config::settings;
use crate::http::{Client, Options};
use crate::notify::message::tests::message;
use crate::port::Secret;
use std::sync::Arc;

fn desk(per_minute: u32) -> Desk {
    let text = format!(
        "apiVersion: landwaiter/v1\nkind: Settings\nnotifications: {{receivers: [{{name: a, kind: slack, urlEnv: U, perMinute: {per_minute}}}]}}\n"
    );
    let settings = settings::read("settings.yaml", &text).unwrap().notifications.receivers.remove(0);
    let client = Client::new(Options::new("test")).unwrap();
    let sender = Sender::new(&settings, client, Arc::new(|| Ok(Secret::new("https://x.example.com/"))), None);
    Desk::new(settings, sender)
}

#[tokio::test(start_paused = true)]
async fn one_more_than_there_is_room_for_goes_into_the_last() {
    let mut desk = desk(20);
    for number in 0..MAX_WAITING {
        assert!(desk.put(message(&[&number.to_string()])).is_none(), "{number}");
    }
    let before = desk.waiting.back().unwrap().id.clone();
    let (replaced, merged) = desk.put(message(&["one more"])).unwrap();
    assert_eq!((replaced == before, merged.id == before, merged.count()), (true, false, 2));
    assert_eq!(desk.len(), MAX_WAITING);
}

#[tokio::test(start_paused = true)]
async fn no_more_a_minute_are_sent_than_may_be() {
    let (mut desk, start) = (desk(2), Instant::now());
    (0..3).for_each(|number| assert!(desk.put(message(&[&number.to_string()])).is_none()));
    for _ in 0..2 {
        assert!(desk.take(start).is_some());
        assert!(desk.take(start).is_none(), "one is under way");
        assert!(matches!(desk.settle(Outcome::Sent, start, 0), Some(Settled::Sent(_))));
    }
    assert_eq!((desk.take(start), desk.due(start)), (None, Some(start + MINUTE)));
    assert!(desk.take(start + MINUTE - Duration::from_millis(1)).is_none());
    assert_eq!(desk.take(start + MINUTE).unwrap().news[0].text, "2", "in order");
}

#[tokio::test(start_paused = true)]
async fn what_fails_pauses_stays_first_and_is_given_up_after_a_day() {
    let (mut desk, now) = (desk(600), Instant::now());
    let first = message(&["first"]);
    let made = first.time;
    desk.put(first);
    desk.put(message(&["second"]));
    let again = || Outcome::Again("no".to_owned(), None);
    assert_eq!(desk.take(now).unwrap().news[0].text, "first");
    let settled = desk.settle(again(), now, made + GIVE_UP_AFTER - 1);
    assert!(matches!(settled, Some(Settled::Again(_, _, pause)) if pause.as_secs() == 1), "{settled:?}");
    assert!(desk.take(now).is_none());
    let later = now + Duration::from_secs(1);
    assert_eq!(desk.take(later).unwrap().news[0].text, "first");
    assert!(matches!(desk.settle(again(), later, made + GIVE_UP_AFTER), Some(Settled::Dropped(..))));
    let refused = Outcome::Refused("wrong".to_owned());
    assert_eq!(desk.take(later).unwrap().news[0].text, "second");
    assert!(matches!(desk.settle(refused, later, made), Some(Settled::Dropped(..))));
    assert_eq!(desk.len(), 0);
}
