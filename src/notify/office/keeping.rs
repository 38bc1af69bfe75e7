//! What was told and what waits, as notes: compared, written before it is sent, and taken away when the receiver has it.

use super::Office;
use crate::config::settings::{NewsValues, RecipientSettings};
use crate::notify::desk::{Desk, Settled};
use crate::notify::gather::{Gathered, RUN, Scope};
use crate::notify::message::Message;
use crate::notify::pulls::{self, Open};
use crate::notify::sender::Outcome;
use crate::notify::told::{Found, Note, Rules, decide};
use crate::telemetry::{Level, Value};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Notes to write, or to take away.
type Changed = Vec<(String, Option<Note>)>;

/// The room of what waits for a receiver.
fn waiting(receiver: &str) -> String {
    format!("waiting {receiver}")
}

impl Office {
    /// Compares what came in with what was told, and keeps what is to be sent.
    pub(super) fn take_in(&self) {
        while let Some((mut gathered, rules)) = self.next() {
            let pulls = self.look_at_pulls(&mut gathered);
            let receivers: Vec<RecipientSettings> =
                self.state().desks.values().map(|desk| desk.settings.clone()).collect();
            for receiver in receivers {
                let (tell, notes) = self.compare(&receiver, &gathered, rules);
                // A process that is killed between the two tells twice, rather than not at all.
                if !tell.is_empty() {
                    let at = (gathered.repository.as_str(), gathered.branch.as_str());
                    self.keep(&receiver.name, Message::new(&receiver.name, gathered.time, at, &gathered.run, tell));
                }
                notes.iter().for_each(|(room, notes)| self.write(room, notes));
            }
            self.write(&format!("pulls {}", gathered.place()), &pulls);
        }
    }

    fn next(&self) -> Option<(Gathered, Rules)> {
        let mut state = self.state();
        let rules = state.rules?;
        Some((state.incoming.pop_front()?, rules))
    }

    /// Adds what people did with pull requests to what happened, and says what is to be remembered of them.
    fn look_at_pulls(&self, gathered: &mut Gathered) -> Vec<(String, Option<Open>)> {
        let Some(seen) = gathered.pulls.take() else { return Vec::new() };
        let known: BTreeMap<String, Open> = self.read(&format!("pulls {}", gathered.place()));
        let (told, notes) = pulls::compare(&known, &seen);
        gathered.once.extend(told);
        notes
    }

    /// What this receiver is told of it, and what is to be remembered then, by room.
    fn compare(
        &self,
        receiver: &RecipientSettings,
        gathered: &Gathered,
        rules: Rules,
    ) -> (Vec<NewsValues>, Vec<(String, Changed)>) {
        let wants = |news: &NewsValues| {
            let policy = Some(news.policy.as_str()).filter(|name| !name.is_empty());
            let image = Some(news.image.as_str()).filter(|name| !name.is_empty());
            receiver.wants(news.kind, &gathered.repository, policy, image)
        };
        let mut tell: Vec<NewsValues> = gathered.once.iter().filter(|news| wants(news)).cloned().collect();
        let (place, mut notes) = (gathered.place(), Vec::new());
        for (scope, lasting) in &gathered.lasting {
            let room = scope.room(&receiver.name, &place);
            let known: BTreeMap<String, Note> = self.read(&room);
            let met: Vec<_> = lasting.iter().filter(|one| wants(&one.news)).collect();
            let mut unasked = gathered.unasked.clone();
            // Pull requests of groups that were not asked about say nothing either way.
            if *scope == Scope::Run && gathered.narrow {
                unasked.extend(known.keys().filter(|subject| *subject != RUN).cloned());
            }
            let decided = decide(&known, Found { place: &place, met: &met, unasked: &unasked }, rules, gathered.time);
            notes.push((room, decided.notes));
            tell.extend(decided.tell.into_iter().filter(|news| wants(news)));
        }
        (tell, notes)
    }

    /// Notes the message and puts it on its desk.
    fn keep(&self, receiver: &str, message: Message) {
        let mut state = self.state();
        if let Some(desk) = state.desks.get_mut(receiver) {
            self.put(desk, message);
            self.0.metrics.notifications_waiting(receiver, desk.len());
        }
    }

    fn put(&self, desk: &mut Desk, message: Message) {
        let room = waiting(&desk.settings.name);
        let kept = (message.id.clone(), Some(message.to_note()));
        let name = desk.settings.name.clone();
        let Some((before, merged)) = desk.put(message) else {
            self.0.notes.note(&room, &[kept]);
            return;
        };
        let facts = [("receiver", name.as_str().into()), ("message", merged.id.as_str().into())];
        self.0.log.line(Level::Warn, "notifications-merged", &facts);
        self.0.metrics.notified(&name, "merged");
        // The one it was before goes last: the id may be the same.
        self.0.notes.note(&room, &[(before, None), (merged.id.clone(), Some(merged.to_note()))]);
    }

    /// A desk with what an earlier process left.
    pub(super) fn opened(&self, mut desk: Desk) -> Desk {
        let kept: BTreeMap<String, Message> = self.read(&waiting(&desk.settings.name));
        let mut kept: Vec<Message> = kept.into_values().collect();
        kept.sort_by(|a, b| (a.time, &a.id).cmp(&(b.time, &b.id)));
        for message in kept {
            self.put(&mut desk, message);
        }
        desk
    }

    /// What was under way is back.
    pub(super) fn came_back(&self, receiver: &str, outcome: Outcome) {
        let wall = self.0.clock.now();
        let mut state = self.state();
        // A receiver that left the settings meanwhile has nothing to settle.
        let Some(desk) = state.desks.get_mut(receiver) else { return };
        let Some(settled) = desk.settle(outcome, Instant::now(), wall) else { return };
        self.0.metrics.notifications_waiting(receiver, desk.len());
        drop(state);
        let (message, level, event, mut facts): (Message, Level, &str, Vec<(&str, Value)>) = match settled {
            Settled::Sent(message) => (message, Level::Info, "notification-sent", Vec::new()),
            Settled::Again(message, why, pause) => {
                let pause = i64::try_from(pause.as_secs()).unwrap_or(i64::MAX);
                (message, Level::Warn, "notification-retried", vec![("error", why.into()), ("pause", pause.into())])
            }
            Settled::Dropped(message, why) => {
                (message, Level::Error, "notification-dropped", vec![("error", why.into())])
            }
        };
        let result = event.trim_start_matches("notification-");
        self.0.metrics.notified(receiver, result);
        if result != "retried" {
            self.0.notes.note(&waiting(receiver), &[(message.id.clone(), None)]);
        }
        let mut all: Vec<(&str, Value)> = Vec::new();
        if !message.run.is_empty() {
            all.push(("run", message.run.into()));
        }
        all.extend([("receiver", receiver.into()), ("message", message.id.into())]);
        all.append(&mut facts);
        self.0.log.line(level, event, &all);
    }

    /// The notes of a room. One that cannot be read is as good as forgotten.
    fn read<T: DeserializeOwned>(&self, room: &str) -> BTreeMap<String, T> {
        let notes = self.0.notes.notes(room).into_iter();
        notes.filter_map(|(key, text)| Some((key, serde_json::from_str(&text).ok()?))).collect()
    }

    fn write<T: Serialize>(&self, room: &str, notes: &[(String, Option<T>)]) {
        // Maps with text keys, texts and numbers are always JSON.
        let text = |note: &Option<T>| note.as_ref().and_then(|note| serde_json::to_string(note).ok());
        let changes: Vec<_> = notes.iter().map(|(key, note)| (key.clone(), text(note))).collect();
        self.0.notes.note(room, &changes);
    }
}
