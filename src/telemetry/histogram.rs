//! Times, counted by how long they were.

use super::exposition::Exposition;
use super::families::Family;

/// Counts of times up to each of `N` bounds, in seconds.
#[derive(Debug, Clone)]
pub(super) struct Histogram<const N: usize> {
    bounds: [f64; N],
    counts: [u64; N],
    count: u64,
    sum: f64,
}

impl<const N: usize> Histogram<N> {
    pub(super) fn new(bounds: [f64; N]) -> Histogram<N> {
        Histogram { bounds, counts: [0; N], count: 0, sum: 0.0 }
    }

    pub(super) fn observe(&mut self, seconds: f64) {
        for (count, bound) in self.counts.iter_mut().zip(self.bounds) {
            *count += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.sum += seconds;
    }

    pub(super) fn write(&self, family: &Family, labels: &[(&str, &str)], text: &mut Exposition) {
        for (count, bound) in self.counts.iter().zip(self.bounds) {
            let bound = bound.to_string();
            text.series(family, "_bucket", &[labels, &[("le", &bound)]].concat(), *count as f64);
        }
        text.series(family, "_bucket", &[labels, &[("le", "+Inf")]].concat(), self.count as f64);
        text.series(family, "_sum", labels, self.sum);
        text.series(family, "_count", labels, self.count as f64);
    }
}
