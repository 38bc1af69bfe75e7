//! The small plots: when an image's tags and our updates came, and how long runs took. SVG that needs nothing but the page's style.
//!
//! Colours are classes, so that light and dark are the style's. What a plot says stands below it as a table too: screen readers
//! hear its title.

use crate::render::moment;
use crate::service::picture::{Image, Run};
use crate::telemetry::RunResult;
use minijinja::HtmlEscape;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

/// Units of the drawing; the page scales it.
const WIDTH: f64 = 720.0;
/// Left of it stand the names of the lanes, right of the last moment half a label.
const GUTTER: f64 = 110.0;
const MARGIN: f64 = 40.0;
/// Texts nearer than this would overlap.
const APART: f64 = 64.0;
/// Characters of a tag that are written beside its dot.
const LABEL: usize = 12;
/// Runs that are drawn.
const RUNS: usize = 80;

/// Tags above, updates below, on one axis of time; `None` where no moment is known.
pub(super) fn time_line(image: &Image) -> Option<String> {
    let moments = image.tags.iter().map(|tag| tag.at).chain(image.updates.iter().map(|update| update.at));
    let (first, last) = moments.fold(None, |ends: Option<(i64, i64)>, at| {
        Some(ends.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
    })?;
    let span = (last - first).max(1) as f64;
    let alone = first == last;
    let x = |at: i64| match alone {
        true => (GUTTER + WIDTH - MARGIN) / 2.0,
        false => GUTTER + (at - first) as f64 / span * (WIDTH - GUTTER - MARGIN),
    };
    let mut svg = begin(118.0, &format!("{} tags and {} updates over time", image.tags.len(), image.updates.len()));
    svg.push_str("<text class=\"lane\" x=\"0\" y=\"36\">tags</text>");
    svg.push_str("<text class=\"lane\" x=\"0\" y=\"74\">updates</text>");
    let _ = write!(svg, "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"51\" y2=\"51\"/>");
    let tags: Vec<(f64, &str)> = image.tags.iter().map(|tag| (x(tag.at), &*tag.tag)).collect();
    let named = labelled(&tags);
    for ((at, tag), label) in tags.iter().zip(&named) {
        let _ = write!(
            svg,
            "<circle class=\"tag\" cx=\"{at:.1}\" cy=\"32\" r=\"4\"><title>{}</title></circle>",
            escaped(tag)
        );
        if *label {
            let _ =
                write!(svg, "<text x=\"{at:.1}\" y=\"20\" text-anchor=\"middle\">{}</text>", escaped(&shortened(tag)));
        }
    }
    let updates: Vec<(f64, &str)> = image.updates.iter().map(|update| (x(update.at), &*update.to)).collect();
    for ((at, to), label) in updates.iter().zip(&labelled(&updates)) {
        let _ = write!(
            svg,
            "<rect class=\"update\" x=\"{:.1}\" y=\"66\" width=\"8\" height=\"8\" transform=\"rotate(45 {at:.1} 70)\"><title>{}</title></rect>",
            at - 4.0,
            escaped(to)
        );
        if *label {
            let _ =
                write!(svg, "<text x=\"{at:.1}\" y=\"92\" text-anchor=\"middle\">{}</text>", escaped(&shortened(to)));
        }
    }
    let ends: &[i64] = if alone { &[first] } else { &[first, last] };
    for at in ends {
        let place = x(*at);
        let anchor = if place > WIDTH - 2.0 * MARGIN { "end" } else { "middle" };
        let place = if anchor == "end" { WIDTH } else { place };
        let _ =
            write!(svg, "<text class=\"date\" x=\"{place:.1}\" y=\"114\" text-anchor=\"{anchor}\">{}</text>", day(*at));
    }
    Some(svg + "</svg>")
}

/// Which of the texts can be written: from the right, those that do not touch the one before.
fn labelled(points: &[(f64, &str)]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| points[*b].0.total_cmp(&points[*a].0));
    let mut labelled = vec![false; points.len()];
    let mut free = f64::INFINITY;
    for at in order {
        if points[at].0 <= free {
            labelled[at] = true;
            free = points[at].0 - APART;
        }
    }
    labelled
}

/// How long the runs of late took, the oldest on the left; `None` where there are too few to compare.
pub(super) fn runs(runs: &VecDeque<Arc<Run>>) -> Option<String> {
    let shown: Vec<&Arc<Run>> = runs.iter().take(RUNS).collect();
    let longest = shown.iter().map(|run| run.milliseconds).max().filter(|_| shown.len() > 1)?;
    let mut svg = begin(64.0, &format!("How long the last {} runs took: {} ms at most", shown.len(), longest));
    let step = WIDTH / RUNS as f64;
    for (at, run) in shown.iter().enumerate() {
        let height = (run.milliseconds as f64 / longest.max(1) as f64 * 48.0).max(2.0);
        let x = (shown.len() - 1 - at) as f64 * step;
        let class = match run.result {
            RunResult::Done => "done",
            RunResult::Held | RunResult::Rejected => "halted",
            RunResult::Failed => "failed",
        };
        let _ = write!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {}, {} ms</title></rect>",
            52.0 - height,
            step - 2.0,
            escaped(&run.target.repository),
            run.result.word(),
            run.milliseconds
        );
    }
    let _ = write!(svg, "<line class=\"axis\" x1=\"0\" x2=\"{WIDTH}\" y1=\"53\" y2=\"53\"/>");
    Some(svg + "</svg>")
}

fn begin(height: f64, title: &str) -> String {
    format!("<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"><title>{}</title>", escaped(title))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LABEL) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn day(at: i64) -> String {
    let moment = moment(at);
    moment.split_once('T').map_or(moment.clone(), |(day, time)| format!("{day} {}", &time[..time.len().min(5)]))
}

fn escaped(text: &str) -> String {
    HtmlEscape(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::Target;
    use crate::service::picture::{Came, TagCame, Update};

    fn tag(tag: &str, at: i64) -> TagCame {
        TagCame { tag: tag.into(), at, how: Came::Listed }
    }

    #[test]
    fn a_time_line_has_a_mark_for_each_moment_and_escapes_what_it_names() {
        assert_eq!(time_line(&Image::default()), None);
        let update = Update {
            at: 2_000,
            target: Target { repository: "r".into(), branch: None },
            from: None,
            to: "<script>alert(1)</script>".into(),
            places: 1,
            commit: None,
            url: None,
        };
        let image = Image {
            tags: [tag("1.0.0", 0), tag("\"><b>", 1_000)].into(),
            updates: [update].into(),
            ..Image::default()
        };
        let svg = time_line(&image).unwrap();
        assert_eq!((svg.matches("<circle").count(), svg.matches("<rect").count()), (2, 1));
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
        assert!(svg.contains("1970-01-01 00:00") && svg.contains("1970-01-01 00:33"), "{svg}");
        let alone = Image { tags: [tag("1.0.0", 5)].into(), ..Image::default() };
        assert_eq!(time_line(&alone).unwrap().matches("class=\"date\"").count(), 1);
    }

    #[test]
    fn texts_that_would_overlap_are_left_out_the_older_first() {
        assert_eq!(labelled(&[(0.0, "a"), (10.0, "b"), (80.0, "c"), (81.0, "d")]), [false, true, false, true]);
    }
}
