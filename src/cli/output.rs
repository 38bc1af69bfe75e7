//! Where text goes: results to stdout, the rest to stderr. A reader who went away (`| head`) is no error.

use super::diagnose::{self, Failure};
use super::{Color, Exit};
use crate::cycle::Rejected;
use crate::render::{Paint, Tone, count, plain};
use crate::text::Severity;
use anstream::ColorChoice;
use std::io::{self, IsTerminal, Write};

#[derive(Debug)]
pub(super) struct Output {
    stdout: io::BufWriter<io::Stdout>,
    out: Paint,
    err: Paint,
}

impl Output {
    pub(super) fn new(color: Color) -> Output {
        let decide = |automatic: ColorChoice| match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => !matches!(automatic, ColorChoice::Never),
        };
        Output {
            out: Paint { color: decide(anstream::AutoStream::choice(&io::stdout())), width: columns() },
            err: Paint { color: decide(anstream::AutoStream::choice(&io::stderr())), width: None },
            stdout: io::BufWriter::new(io::stdout()),
        }
    }

    /// The paint for results.
    pub(super) fn paint(&self) -> Paint {
        self.out
    }

    /// Whether progress has somebody to watch it.
    pub(super) fn watched(&self) -> bool {
        io::stderr().is_terminal()
    }

    pub(super) fn print(&mut self, text: &str) -> Result<(), Failure> {
        gone_is_fine(self.stdout.write_all(text.as_bytes()))
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        gone_is_fine(self.stdout.flush())
    }

    /// A line of diagnostics on stderr. If even that cannot be written there is nobody left to tell.
    pub(super) fn say(&self, text: &str) {
        let _ = writeln!(io::stderr(), "{text}");
    }

    pub(super) fn warn(&self, rejected: &Rejected) {
        if !rejected.diagnostics.is_empty() {
            self.say(diagnose::render(rejected, self.err.color).trim_end_matches('\n'));
            self.say("");
        }
    }

    /// The last word where some policy files were rejected and the others were used.
    pub(super) fn rejected_apart(&self, rejected: &Rejected) {
        let errors = rejected.diagnostics.iter().filter(|one| one.severity == Severity::Error).count();
        if errors > 0 {
            let problems = count(errors, "problem");
            self.say(&format!(
                "{} policies rejected: {problems}; what the rejected files may touch is held",
                self.err.on(Tone::Bad, "error:")
            ));
        }
    }

    /// Tells a failure and gives its exit status.
    pub(super) fn fail(&mut self, failure: &Failure) -> Exit {
        // Results printed before the failure still belong to the reader.
        if self.stdout.flush().is_err() {
            return failure.exit;
        }
        self.warn(&failure.rejected);
        self.say(&format!("{} {}", self.err.on(Tone::Bad, "error:"), harmless(&failure.message)));
        if let Some(hint) = &failure.hint {
            self.say(&format!("{} {}", self.err.on(Tone::Strong, " help:"), harmless(hint)));
        }
        failure.exit
    }
}

/// The columns of the terminal that results go to, if they go to one.
fn columns() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0))
}

/// Messages quote names and words of strangers; their lines are ours.
fn harmless(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

fn gone_is_fine(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed(format!("cannot write to stdout: {error}"))),
        Ok(()) => Ok(()),
    }
}
