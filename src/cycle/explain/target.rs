//! What a person may mean by the word after `explain`, and what is said where nothing is meant by it.

use super::super::scan::Scanned;
use crate::policy::Policy;
use crate::text::nearest;
use std::collections::BTreeSet;

/// `FILE:LINE`.
pub(in crate::cycle) fn file_and_line(target: &str) -> Option<(&str, usize)> {
    target.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)))
}

/// The most lines that are named to somebody who asked for another one.
const NAMED_LINES: usize = 5;

pub(in crate::cycle) fn unknown(target: &str, scanned: &Scanned, policies: &[Policy]) -> String {
    let skipped = scanned.skipped.iter().find(|skipped| target.starts_with(&*skipped.file));
    if let Some(skipped) = skipped {
        return format!("{} was skipped ({}): {}", skipped.file, skipped.reason.word(), skipped.detail);
    }
    let (file, line) = file_and_line(target).map_or((target, None), |(file, line)| (file, Some(line)));
    let file = file.trim_start_matches("./");
    if scanned.snapshot.files().iter().any(|entry| &*entry.path == file) {
        return elsewhere(file, line, scanned);
    }
    let images: BTreeSet<&str> =
        scanned.found.iter().filter_map(|found| Some(found.reference.repository.as_ref()?.as_str())).collect();
    let files = scanned.found.iter().map(|found| &*found.file).collect::<BTreeSet<&str>>();
    let names = policies.iter().map(|policy| policy.name.as_str());
    let near = nearest(target, names).or_else(|| nearest(target, images)).or_else(|| nearest(file, files));
    let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    format!("no file, reference, policy or image is called `{target}`{near}")
}

/// The file is there, but nothing that was asked for: says where its references are, the nearest first.
fn elsewhere(file: &str, line: Option<usize>, scanned: &Scanned) -> String {
    let here = scanned.found.iter().filter(|found| &*found.file == file);
    let mut lines: Vec<usize> = here.map(|found| found.reference.line).collect();
    let Some(line) = line.filter(|_| !lines.is_empty()) else {
        return format!("{file} has no reference: nothing in it names an image, as far as is known");
    };
    lines.sort_by_key(|there| (there.abs_diff(line), *there));
    lines.dedup();
    let more = if lines.len() > NAMED_LINES { ", ..." } else { "" };
    lines.truncate(NAMED_LINES);
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    format!("{file} has no reference on line {line}, but on {noun} {}{more}", lines.join(", "))
}
