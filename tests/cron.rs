//! Cron expressions against what others make of them: a year of moments in three time zones that a Python program found
//! by looking at the clock of every minute, and the `croniter` package on a thousand random expressions.
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests read files, start programs and may panic")]

use landwaiter::schedule::{Cron, Timetable, Zone};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

#[path = "support/python.rs"]
mod python;

/// 2026, from its first to its last second.
const YEAR: (i64, i64) = (1_767_225_600, 1_798_761_599);
const ZONES: [&str; 4] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"];

fn timetable(cron: &str, zone: &str) -> Timetable {
    let parsed = Cron::parse(cron).unwrap_or_else(|error| panic!("{cron}: {error}"));
    parsed.timetable("any", Zone::parse(zone).unwrap())
}

/// The moments that a line lists: the first, and the steps to the others.
fn listed(text: &str) -> Vec<i64> {
    let mut words = text.split(' ');
    let mut moments = vec![words.next().unwrap().parse().unwrap()];
    for word in words {
        let (step, count) = word.split_once('*').unwrap_or((word, "1"));
        let (step, count): (i64, usize) = (step.parse().unwrap(), count.parse().unwrap());
        for _ in 0..count {
            moments.push(moments.last().unwrap() + step);
        }
    }
    moments
}

#[test]
fn a_year_in_three_time_zones_is_as_their_clocks_show_it() {
    let table = include_str!("cron/year.txt");
    let mut zones = std::collections::BTreeSet::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let [zone, cron, moments] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}") };
        zones.insert(zone);
        let (timetable, expected) = (timetable(cron, zone), listed(moments));
        let next = |after: &i64| timetable.next(*after).filter(|at| *at <= YEAR.1);
        let found: Vec<i64> = std::iter::successors(next(&(YEAR.0 - 1)), next).collect();
        assert_eq!(found, expected, "{cron} in {zone}");
        for pair in expected.windows(2) {
            let between = pair[0] + (pair[1] - pair[0]) / 2;
            assert_eq!(timetable.next(between), Some(pair[1]), "{cron} in {zone}, asked at {between}");
        }
    }
    assert_eq!(zones.len(), 3);
}

/// Numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// One field: a star, a step, or a list of values, ranges and ranges with a step.
    fn field(&mut self, low: u64, high: u64, names: &[&str], stars: u64) -> String {
        if self.below(10) < stars {
            return "*".to_owned();
        }
        if self.below(5) == 0 {
            return format!("*/{}", self.between(2, high.min(59)));
        }
        let part = |dice: &mut Dice| {
            // croniter takes `6-6` for the whole week; in crontab it is one day.
            let first = dice.between(low, high - 1);
            let last = dice.between(first + 1, high);
            match dice.below(4) {
                0 if !names.is_empty() => names[usize::try_from(dice.below(names.len() as u64)).unwrap()].to_owned(),
                0 | 1 => first.to_string(),
                2 => format!("{first}-{last}"),
                _ => format!("{first}-{last}/{}", dice.between(1, (high - low).min(12))),
            }
        };
        let count = self.between(1, 3);
        (0..count).map(|_| part(self)).collect::<Vec<_>>().join(",")
    }

    fn expression(&mut self) -> String {
        let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
        let weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
        let seconds = (self.below(5) == 0).then(|| self.field(0, 59, &[], 0));
        let fields = [
            self.field(0, 59, &[], 2),
            self.field(0, 23, &[], 3),
            self.field(1, 31, &[], 5),
            self.field(1, 12, &months, 6),
            self.field(0, 6, &weekdays, 5),
        ];
        seconds.into_iter().chain(fields).collect::<Vec<_>>().join(" ")
    }
}

/// So many random expressions are asked about, each at so many moments.
const EXPRESSIONS: usize = 1_000;
const MOMENTS: usize = 5;

#[test]
fn croniter_says_the_same() {
    let Some(interpreter) = python::interpreter() else { return };
    let mut dice = Dice(20_261_120);
    // 2024 to 2030.
    let asked: Vec<Value> = (0..EXPRESSIONS)
        .map(|at| {
            let after: Vec<u64> = (0..MOMENTS).map(|_| dice.between(1_704_067_200, 1_924_991_999)).collect();
            json!({"expression": dice.expression(), "zone": ZONES[at % ZONES.len()], "after": after})
        })
        .collect();
    let answers = answers(&interpreter, &asked);
    assert_eq!(answers.len(), asked.len());
    let (mut compared, mut left_out, mut refused) = (0, 0, 0);
    for (asked, answer) in asked.iter().zip(&answers) {
        let cron = asked["expression"].as_str().unwrap();
        if answer["refused"].is_string() {
            assert!(Cron::parse(cron).is_err(), "{cron}: croniter refuses it: {answer}");
            refused += 1;
            continue;
        }
        let (utc, zone) = (timetable(cron, "UTC"), timetable(cron, asked["zone"].as_str().unwrap()));
        for (at, after) in asked["after"].as_array().unwrap().iter().enumerate() {
            let after = after.as_i64().unwrap();
            assert_eq!(utc.next(after), answer["utc"][at].as_i64(), "{cron} in UTC after {after}");
            // On days when clocks are set croniter has rules of its own; the table above has such days.
            if answer["near"][at] == true {
                left_out += 1;
            } else {
                assert_eq!(zone.next(after), answer["zone"][at].as_i64(), "{cron} in {} after {after}", asked["zone"]);
                compared += 1;
            }
        }
    }
    assert!(refused < EXPRESSIONS / 20, "{refused} expressions name no date");
    assert!(compared > 20 * left_out, "{compared} were compared and {left_out} were not");
}

fn answers(interpreter: &Path, asked: &[Value]) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cron/croniter_next.py");
    let mut child = Command::new(interpreter).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, text) =
        (child.stdin.take().unwrap(), asked.iter().map(|one| format!("{one}\n")).collect::<String>());
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
