//! What waits for one receiver: in order, one under way, no faster than may be, and never more than there is room for.

use super::message::Message;
use super::sender::{GIVE_UP_AFTER, Outcome, Sender, pause};
use crate::config::settings::RecipientSettings;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;

/// So many messages wait for a receiver. What comes then is put into the last of them.
pub const MAX_WAITING: usize = 20;
const MINUTE: Duration = Duration::from_secs(60);

/// One receiver, and what waits for it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) settings: RecipientSettings,
    pub(super) sender: Sender,
    waiting: VecDeque<Message>,
    /// The first of those that wait is under way.
    flying: bool,
    failures: u32,
    not_before: Option<Instant>,
    /// When messages were sent within the last minute.
    sent: VecDeque<Instant>,
}

/// What became of the first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Settled {
    Sent(Message),
    /// It stays the first: why, and the pause.
    Again(Message, String, Duration),
    Dropped(Message, String),
}

impl Desk {
    pub(super) fn new(settings: RecipientSettings, sender: Sender) -> Desk {
        Desk {
            settings,
            sender,
            waiting: VecDeque::new(),
            flying: false,
            failures: 0,
            not_before: None,
            sent: VecDeque::new(),
        }
    }

    /// The same desk under new settings.
    pub(super) fn replaced(self, settings: RecipientSettings, sender: Sender) -> Desk {
        // Whoever changes the settings may have put right what failed.
        Desk { settings, sender, not_before: None, ..self }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Puts a message at the end; where there is no room, into the last one, which is given back as it was and as it is.
    pub(super) fn put(&mut self, message: Message) -> Option<(String, &Message)> {
        if self.waiting.len() < MAX_WAITING {
            self.waiting.push_back(message);
            return None;
        }
        let last = self.waiting.back_mut()?;
        let before = last.id.clone();
        last.absorb(message);
        Some((before, last))
    }

    /// When the first message may be sent; `None` while one is under way or none waits.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        if self.flying || self.waiting.is_empty() {
            return None;
        }
        let full = self.sent.len() >= self.settings.per_minute as usize;
        let rate = self.sent.front().filter(|_| full).map(|first| *first + MINUTE);
        Some([self.not_before, rate].into_iter().flatten().fold(now, Instant::max))
    }

    /// Takes the first message under way, if it may be sent now.
    pub(super) fn take(&mut self, now: Instant) -> Option<Message> {
        self.sent.retain(|sent| now.saturating_duration_since(*sent) < MINUTE);
        let due = self.due(now)?;
        if due > now {
            return None;
        }
        self.flying = true;
        self.sent.push_back(now);
        self.waiting.front().cloned()
    }

    /// The message that was under way is back. `wall` is the time in seconds since 1970.
    pub(super) fn settle(&mut self, outcome: Outcome, now: Instant, wall: i64) -> Option<Settled> {
        self.flying = false;
        let first = self.waiting.front()?.clone();
        match outcome {
            Outcome::Again(why, asked) if wall - first.time < GIVE_UP_AFTER => {
                self.failures = self.failures.saturating_add(1);
                let pause = pause(self.failures, asked);
                self.not_before = Some(now + pause);
                Some(Settled::Again(first, why, pause))
            }
            Outcome::Sent => {
                (self.failures, self.not_before) = (0, None);
                self.waiting.pop_front();
                Some(Settled::Sent(first))
            }
            Outcome::Again(why, _) | Outcome::Refused(why) => {
                self.waiting.pop_front();
                Some(Settled::Dropped(first, why))
            }
        }
    }
}

#[cfg(test)]
mod tests;
