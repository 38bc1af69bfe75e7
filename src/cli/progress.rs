//! One line of progress on a terminal's stderr, folded from the events of a run. Elsewhere: silence.

use crate::cycle::{Event, Events};
use crate::http::Watcher;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

#[derive(Debug)]
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(watched: bool) -> Progress {
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(ProgressStyle::default_spinner());
        bar.set_message("reading the repository");
        Progress(bar)
    }

    /// Shows what registries do while they do it: a run that waits says why.
    pub(super) fn watcher(&self) -> Watcher {
        let bar = self.0.clone();
        Watcher::new(move |notice| bar.println(format!("note: {notice}")))
    }

    /// Clears the line, so that results start on an empty one.
    pub(super) fn done(&self) {
        self.0.finish_and_clear();
    }

    fn counting(&self, steps: u64) {
        // The template is a constant: a mistake in it shows in the first run, as a plain bar.
        if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}") {
            self.0.set_style(style);
        }
        self.0.set_length(steps);
        self.0.set_position(0);
    }
}

impl Events for Progress {
    fn happened(&self, event: &Event<'_>) {
        match event {
            Event::SnapshotTaken { .. } => self.0.set_message("reading policies"),
            Event::PoliciesRead { .. } => self.0.set_message("finding references"),
            Event::FilesScanned { .. } => self.0.set_message("asking registries"),
            Event::ListingStarted { repositories } => self.counting(*repositories as u64),
            Event::TagsListed { .. } | Event::ListingFailed { .. } | Event::DeadlineReached { .. } => self.0.inc(1),
            // The report tells it, on the line of the reference; or it was shown when it happened.
            Event::TagMoved { .. } | Event::RegistryNoticed { .. } => {}
            Event::ProposingStarted { .. } | Event::HostAsked { .. } => {}
            // Told with its repository's list.
            Event::Decided(_) => {}
            Event::PastAsked { .. } => self.0.set_message("reading the history"),
            Event::Planned { .. } => self.0.set_message("writing"),
            Event::BranchMoved { .. } => self.0.set_message("the branch moved, planning again"),
            Event::WritingFailed { .. } => self.0.set_message("writing failed, planning again"),
            Event::Published { .. } => self.0.finish_and_clear(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
