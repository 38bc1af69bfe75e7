//! Settings that change: taken in whole, or refused and told.

use super::{Loaded, Service, Target, Trouble, rules};
use crate::telemetry::{Level, Place, Value};
use std::collections::BTreeSet;

impl Service {
    /// Reads the settings again when they are others.
    pub(super) fn look(&mut self) {
        let stamp = self.loader.stamp();
        if stamp != self.stamp {
            self.reload();
        }
    }

    /// New settings count from the next run on; broken ones leave everything as it is.
    pub(super) fn reload(&mut self) {
        self.stamp = self.loader.stamp();
        let now = self.clock.now();
        match self.loader.load() {
            Ok(loaded) => {
                let addresses =
                    |loaded: &Loaded| (loaded.service.address, loaded.service.page.as_ref().map(|page| page.address));
                if addresses(&loaded) != addresses(&self.loaded) {
                    self.tell.log.line(
                        Level::Warn,
                        "address-unchanged",
                        &[("help", "restart to listen elsewhere".into())],
                    );
                }
                self.loaded = loaded;
                self.take_in(now);
                self.targets.want_all();
                self.targets.names().for_each(|target| self.queue.event(target, now));
            }
            Err(trouble) => {
                self.tell.metrics.loaded(false);
                self.observe_settings(Some(&trouble), now);
                let mut facts = vec![("error", Value::from(trouble.message))];
                facts.extend(trouble.hint.map(|hint| ("help", hint.into())));
                self.tell.log.line(Level::Error, "settings-refused", &facts);
            }
        }
    }

    fn observe_settings(&self, refused: Option<&Trouble>, now: i64) {
        let targets: Vec<&Target> = self.targets.names().collect();
        self.observe(|observer| observer.settings_read(&targets, refused, now));
    }

    /// Makes the loaded settings those that count.
    pub(super) fn take_in(&mut self, now: i64) {
        let Loaded { repositories, service, .. } = &self.loaded;
        self.targets.set(repositories, service, now);
        self.queue.rule(rules(service));
        self.queue.retain(|target| self.targets.has(target));
        for (target, at) in self.targets.due(now) {
            self.queue.add(target.clone(), target.repository.clone());
            self.queue.tick(target, at);
        }
        let places: BTreeSet<Place> = self.targets.names().map(Target::place).collect();
        self.tell.metrics.retain(|place| places.contains(place));
        self.tell.health.expect(self.targets.waiting());
        self.tell.metrics.loaded(true);
        self.observe_settings(None, now);
        let facts = [("repositories", repositories.len().into()), ("branches", places.len().into())];
        self.tell.log.line(Level::Info, "settings-loaded", &facts);
    }
}
