//! What is to be done next: one thing at a time for each lane, so many at once over all of them.
//!
//! Two kinds of triggers meet here. A tick is a moment on a timetable; there is one at most, so that missed ones are one run and not
//! many. An event is somebody's wish; events that come in a burst are one run, a short while after the last of them, and no longer
//! after the first than `patience`. Of a tick and an event the earlier wins, and answers both. What comes while a run is under
//! way is kept for the next one, because that run may have read before it came.
//!
//! Pure: `now` is an argument, in seconds since any moment that stays the same.

use std::collections::BTreeMap;

/// How triggers become runs; times in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// So many runs at once, over all lanes.
    pub parallel: usize,
    /// An event waits so long for another one.
    pub debounce: i64,
    /// An event waits no longer than this, however many others come.
    pub patience: i64,
    /// Between the end of a run and the next one of the same thing.
    pub pause: i64,
    /// The same for events, where it is shorter: somebody waits for what they tell of.
    pub event_pause: i64,
}

/// What waits, and what is under way. `K` is what is run, `L` the lane that it blocks meanwhile.
#[derive(Debug)]
pub struct Queue<K, L> {
    rules: Rules,
    jobs: BTreeMap<K, Job<L>>,
}

#[derive(Debug)]
struct Job<L> {
    lane: L,
    tick: Option<i64>,
    event: Option<Event>,
    running: bool,
    /// It goes when its run ends.
    leaving: bool,
    not_before: i64,
    event_not_before: i64,
}

#[derive(Debug, Clone, Copy)]
struct Event {
    first: i64,
    due: i64,
}

impl<K: Ord + Clone, L: PartialEq> Queue<K, L> {
    pub fn new(rules: Rules) -> Queue<K, L> {
        Queue { rules, jobs: BTreeMap::new() }
    }

    /// New rules; what waits and what is under way stays.
    pub fn rule(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// Something to be run from now on; one that is there stays as it is.
    pub fn add(&mut self, key: K, lane: L) {
        let (tick, event, running, leaving) = (None, None, false, false);
        let (not_before, event_not_before) = (i64::MIN, i64::MIN);
        let new = Job { lane, tick, event, running, leaving, not_before, event_not_before };
        self.jobs.entry(key).or_insert(new).leaving = false;
    }

    /// Drops all others; one that is under way blocks its lane until it ends.
    pub fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.jobs.retain(|key, job| {
            job.leaving = !keep(key);
            job.running || !job.leaving
        });
    }

    /// The next tick, instead of the one that was known.
    pub fn tick(&mut self, key: &K, at: Option<i64>) {
        if let Some(job) = self.jobs.get_mut(key) {
            job.tick = at;
        }
    }

    /// Somebody wants a run.
    pub fn event(&mut self, key: &K, now: i64) {
        let Rules { debounce, patience, .. } = self.rules;
        if let Some(job) = self.jobs.get_mut(key) {
            let first = job.event.map_or(now, |event| event.first);
            let due = now.saturating_add(debounce).min(first.saturating_add(patience));
            job.event = Some(Event { first, due });
        }
    }

    /// The clock was set by so many seconds: what was measured by it moves along. Ticks are moments of the calendar and stay.
    pub fn shift(&mut self, seconds: i64) {
        for job in self.jobs.values_mut() {
            job.not_before = job.not_before.saturating_add(seconds);
            job.event_not_before = job.event_not_before.saturating_add(seconds);
            if let Some(event) = &mut job.event {
                event.first = event.first.saturating_add(seconds);
                event.due = event.due.saturating_add(seconds);
            }
        }
    }

    /// Takes what is to be run now, if anything is: the one that waits longest, of equal ones the first.
    pub fn start(&mut self, now: i64) -> Option<K> {
        if self.running() >= self.rules.parallel {
            return None;
        }
        let ready = self.ready().filter(|(due, _)| *due <= now).min_by_key(|(due, _)| *due);
        let key = ready.map(|(_, key)| key.clone())?;
        let job = self.jobs.get_mut(&key)?;
        (job.tick, job.event, job.running) = (None, None, true);
        Some(key)
    }

    /// A run has ended; `tick` is the next moment of its timetable.
    pub fn finish(&mut self, key: &K, now: i64, tick: Option<i64>) {
        let Rules { pause, event_pause, .. } = self.rules;
        let Some(job) = self.jobs.get_mut(key) else {
            return;
        };
        if job.leaving {
            self.jobs.remove(key);
            return;
        }
        job.running = false;
        job.not_before = now.saturating_add(pause);
        job.event_not_before = now.saturating_add(pause.min(event_pause));
        job.tick = tick;
    }

    /// When [`Queue::start`] is to be asked again, if nothing else happens before.
    pub fn wake(&self) -> Option<i64> {
        if self.running() >= self.rules.parallel {
            return None;
        }
        self.ready().map(|(due, _)| due).min()
    }

    /// How many are due and do not run yet.
    pub fn waiting(&self, now: i64) -> usize {
        self.jobs.values().filter(|job| !job.running && job.due().is_some_and(|due| due <= now)).count()
    }

    pub fn running(&self) -> usize {
        self.jobs.values().filter(|job| job.running).count()
    }

    /// Those whose lane is free, and since when they are due.
    fn ready(&self) -> impl Iterator<Item = (i64, &K)> {
        let free = |lane: &L| !self.jobs.values().any(|job| job.running && job.lane == *lane);
        let waiting = self.jobs.iter().filter(|(_, job)| !job.running && !job.leaving);
        waiting.filter_map(move |(key, job)| Some((job.due()?, key)).filter(|_| free(&job.lane)))
    }
}

impl<L> Job<L> {
    fn due(&self) -> Option<i64> {
        let tick = self.tick.map(|at| at.max(self.not_before));
        let event = self.event.map(|event| event.due.max(self.event_not_before));
        [tick, event].into_iter().flatten().min()
    }
}

/// How long to wait after the first failure, in seconds; it doubles with each further one.
const FIRST_RETRY: i64 = 60;
/// The longest wait.
const LAST_RETRY: i64 = 30 * 60;

/// Seconds to wait after so many failures in a row, of which this was the last.
pub fn back_off(failures: u32) -> i64 {
    let doublings = failures.saturating_sub(1).min(30);
    FIRST_RETRY.saturating_mul(1 << doublings).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { parallel: 2, debounce: 2, patience: 10, pause: 5, event_pause: 5 };

    /// Branches `a/1`, `a/2` and `b/1`, `c/1` of three repositories.
    fn queue() -> Queue<&'static str, char> {
        let mut queue = Queue::new(RULES);
        for key in ["a/1", "a/2", "b/1", "c/1"] {
            queue.add(key, key.chars().next().unwrap());
        }
        queue
    }

    #[test]
    fn a_burst_of_events_is_one_run() {
        let mut queue = queue();
        for now in [100, 100, 101, 102] {
            queue.event(&"a/1", now);
        }
        assert_eq!(queue.wake(), Some(104));
        assert_eq!(queue.start(103), None);
        assert_eq!(queue.start(104), Some("a/1"));
        queue.finish(&"a/1", 110, None);
        assert_eq!((queue.wake(), queue.start(1_000)), (None, None));
    }

    #[test]
    fn a_burst_without_end_is_waited_for_so_long() {
        let mut queue = queue();
        for now in 100..200 {
            queue.event(&"a/1", now);
        }
        assert_eq!(queue.wake(), Some(110));
    }

    #[test]
    fn the_earlier_wins_and_answers_both() {
        for (tick, event, due) in [(100, 105, 100), (200, 105, 107)] {
            let mut queue = queue();
            queue.tick(&"a/1", Some(tick));
            queue.event(&"a/1", event);
            assert_eq!(queue.wake(), Some(due));
            assert_eq!(queue.start(due), Some("a/1"));
            queue.finish(&"a/1", due, Some(300));
            assert_eq!(queue.wake(), Some(300), "tick {tick}, event {event}");
        }
    }

    #[test]
    fn missed_ticks_are_one_run() {
        let mut queue = queue();
        queue.tick(&"a/1", Some(100));
        assert_eq!(queue.start(9_000), Some("a/1"));
        queue.finish(&"a/1", 9_001, Some(9_100));
        assert_eq!(queue.start(9_006), None);
    }

    #[test]
    fn one_is_in_flight_for_each_lane_and_so_many_over_all() {
        let mut queue = queue();
        for (key, at) in [("a/1", 1), ("a/2", 2), ("b/1", 3), ("c/1", 3)] {
            queue.tick(&key, Some(at));
        }
        assert_eq!(queue.start(10), Some("a/1"), "the one that waits longest");
        assert_eq!(queue.start(10), Some("b/1"), "a/2 shares its lane with a/1; of equal ones the first");
        assert_eq!((queue.start(10), queue.wake()), (None, None), "two at once");
        assert_eq!((queue.running(), queue.waiting(10)), (2, 2));
        queue.finish(&"b/1", 11, None);
        assert_eq!((queue.wake(), queue.start(11)), (Some(3), Some("c/1")));
        queue.finish(&"a/1", 12, None);
        assert_eq!(queue.start(12), Some("a/2"));
    }

    #[test]
    fn what_comes_during_a_run_is_for_the_next_after_a_pause() {
        let mut queue = queue();
        queue.tick(&"a/1", Some(0));
        assert_eq!(queue.start(0), Some("a/1"));
        queue.event(&"a/1", 1);
        queue.event(&"a/1", 2);
        assert_eq!((queue.start(50), queue.wake()), (None, None));
        queue.finish(&"a/1", 60, Some(600));
        assert_eq!((queue.wake(), queue.start(64)), (Some(65), None));
        assert_eq!(queue.start(65), Some("a/1"));
        queue.finish(&"a/1", 70, Some(71));
        assert_eq!(queue.wake(), Some(75), "a tick waits for the pause too");
    }

    #[test]
    fn an_event_waits_for_its_own_pause_and_a_tick_for_the_long_one() {
        for (event_pause, due) in [(0, 12), (1, 12), (4, 14), (99, 15)] {
            let mut queue = queue();
            queue.rule(Rules { event_pause, ..RULES });
            queue.tick(&"a/1", Some(0));
            assert_eq!(queue.start(0), Some("a/1"));
            queue.finish(&"a/1", 10, Some(10));
            assert_eq!(queue.wake(), Some(15), "a tick");
            queue.event(&"a/1", 10);
            assert_eq!(queue.wake(), Some(due), "{event_pause}");
        }
    }

    #[test]
    fn what_is_dropped_while_it_runs_blocks_its_lane_until_it_ends() {
        let mut queue = queue();
        queue.tick(&"a/1", Some(0));
        assert_eq!(queue.start(0), Some("a/1"));
        queue.tick(&"a/2", Some(1));
        queue.tick(&"b/1", Some(1));
        queue.retain(|key| *key == "a/2");
        assert_eq!(queue.start(5), None);
        queue.finish(&"a/1", 6, Some(7));
        assert_eq!(queue.start(100), Some("a/2"));
        queue.finish(&"a/2", 101, None);
        assert_eq!(queue.wake(), None);

        queue.event(&"a/2", 200);
        assert_eq!(queue.start(300), Some("a/2"));
        queue.retain(|_| false);
        queue.add("a/2", 'a');
        queue.finish(&"a/2", 301, Some(400));
        assert_eq!(queue.wake(), Some(400), "it came back before its run ended");
    }

    #[test]
    fn a_clock_that_is_set_back_makes_nobody_wait() {
        let mut queue = queue();
        queue.tick(&"a/1", Some(9_000));
        assert_eq!(queue.start(9_000), Some("a/1"));
        queue.finish(&"a/1", 9_001, None);
        queue.event(&"b/1", 9_001);
        queue.shift(-3_600);
        queue.event(&"a/1", 5_402);
        assert_eq!(queue.start(5_403), Some("b/1"));
        assert_eq!((queue.start(5_405), queue.start(5_406)), (None, Some("a/1")));
    }

    #[test]
    fn failures_wait_longer_and_longer_up_to_a_bound() {
        let waits: Vec<i64> = [0, 1, 2, 3, 5, 6, 7, u32::MAX].map(back_off).into();
        assert_eq!(waits, [60, 60, 120, 240, 960, 1_800, 1_800, 1_800]);
    }
}
