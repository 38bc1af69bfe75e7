//! A run that is killed at any moment of a pull request's life: the next one comes to the same end as if nothing had been.

use crate::gate::Moment;
use crate::place::{Before, Place, Seen, pod};
use crate::servers::{HTTP_PROGRAMS, available};
use std::time::{Duration, Instant};

/// Moments in all.
const KILLS: usize = 100;

/// A run that has something to do, and how many pull requests are open after it.
struct Scene {
    name: &'static str,
    /// From web at 1.0.0 with 1.1.0 in the registry.
    set: fn(&Place),
    open: usize,
    comments: usize,
}

const SCENES: &[Scene] = &[
    Scene { name: "opening", set: |_| {}, open: 1, comments: 0 },
    Scene {
        name: "renewing",
        set: |place| {
            place.run();
            place.release("1.2.0");
        },
        open: 1,
        comments: 0,
    },
    Scene {
        name: "taking auto-merge back",
        set: |place| {
            place.run();
            place.release("2.0.0");
        },
        open: 1,
        comments: 0,
    },
    Scene {
        name: "closing",
        set: |place| {
            place.run();
            place.commits("main", "web.yaml", &pod("1.1.0"));
        },
        open: 0,
        comments: 1,
    },
    Scene { name: "saying that it is a person's", set: taken_over, open: 1, comments: 1 },
    Scene {
        name: "handing back",
        set: |place| {
            taken_over(place);
            place.run();
            let tick = |body: &str| body.replace("- [ ] Rebuild", "- [x] Rebuild");
            place.hub.change(1, |pull| pull.body = tick(&pull.body)).unwrap();
            place.hub.person_labels(1, "landwaiter/rebuild");
        },
        open: 1,
        comments: 1,
    },
];

fn taken_over(place: &Place) {
    place.run();
    let branch = place.hub.pull(1).unwrap().branch;
    place.commits(&branch, "notes.txt", "mine");
}

/// A scene that is set, and what an undisturbed run makes of it.
struct Stage {
    scene: &'static Scene,
    place: Place,
    before: Before,
    /// As they are before the run.
    branches: Vec<String>,
    wanted: Seen,
    /// The quickest of a few runs: kills are spread over the time that the work takes, not over the machine's moods.
    whole: Duration,
    /// How many requests of a run write.
    writes: usize,
}

impl Stage {
    fn set(scene: &'static Scene) -> Stage {
        let place = Place::new();
        (scene.set)(&place);
        let (before, branches) = (place.before(), place.seen().branches);
        let (mut whole, mut writes) = (Duration::MAX, 0);
        for _ in 0..3 {
            place.restore(&before);
            place.gate.writes();
            let started = Instant::now();
            place.run();
            whole = whole.min(started.elapsed());
            writes = place.gate.writes().len();
        }
        let wanted = place.seen();
        assert_eq!(wanted.open(), scene.open, "{}: {:#?}", scene.name, wanted.pulls);
        assert_eq!(wanted.pulls[0].comments.len(), scene.comments, "{}: {:#?}", scene.name, wanted.pulls);
        place.run();
        assert_eq!(place.gate.writes(), [""; 0], "{}: a run with nothing to do", scene.name);
        Stage { scene, place, before, branches, wanted, whole, writes }
    }

    /// Kills one run, lets the next one end, and looks at what is there.
    fn play(&self, moment: Moment) -> bool {
        let Stage { scene, place, .. } = self;
        place.restore(&self.before);
        let killed = place.run_killed(moment);
        let between = place.seen();
        if scene.name == "taking auto-merge back" && between.branches != self.branches {
            assert_eq!(
                between.pulls[0].auto_merge, None,
                "{moment:?}: the forge could merge what it was never asked to"
            );
        }
        let report = place.run();
        let after = place.seen();
        let what = format!("{} {moment:?}, killed: {killed}; left {between:#?}", scene.name);
        assert_eq!(after.branches, self.wanted.branches, "{what}");
        assert_eq!(after.pulls.len(), 1, "{what}: {:#?}", after.pulls);
        let [after, wanted] = [&after.pulls[0], &self.wanted.pulls[0]].map(Clone::clone);
        assert!(after.comments.len() <= wanted.comments.len(), "{what}: {:#?}", after.comments);
        let quiet = |pull| format!("{:#?}", crate::hub::Pull { comments: Vec::new(), ..pull });
        assert_eq!(quiet(after), quiet(wanted), "{what}");
        let references = report["references"].as_array().unwrap();
        assert!(references.iter().all(|one| one["reason"] != "refused"), "{what}: {references:#?}");
        killed
    }
}

#[test]
fn killed_at_a_hundred_moments_the_next_run_comes_to_the_same_end() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let seed: u64 = std::env::var("LANDWAITER_SEED").map_or(0x9e37_79b9_7f4a_7c15, |seed| seed.parse().unwrap());
    println!("LANDWAITER_SEED={seed}");
    let mut random = seed;
    let stages: Vec<Stage> = SCENES.iter().map(Stage::set).collect();
    let mut moments: Vec<(&Stage, Moment)> = Vec::new();
    for stage in &stages {
        moments.extend((0..stage.writes).flat_map(|at| [(stage, Moment::Before(at)), (stage, Moment::During(at))]));
    }
    let requests = moments.len();
    assert!(requests < KILLS, "{requests}");
    while moments.len() < KILLS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let stage = &stages[moments.len() % stages.len()];
        let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
        moments.push((stage, Moment::After(stage.whole.mul_f64(share * 1.05))));
    }
    let mut killed = 0;
    for (at, (stage, moment)) in moments.into_iter().enumerate() {
        if at % 5 == 0 {
            stage.place.forget();
        }
        killed += usize::from(stage.play(moment));
    }
    let times: Vec<Duration> = stages.iter().map(|stage| stage.whole).collect();
    println!("{killed} of {KILLS} killed, {requests} with a request; undisturbed runs took {times:?}");
    assert!(killed * 10 > KILLS * 8, "{killed}");
}
