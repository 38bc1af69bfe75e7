//! What all policies of a repository may cost together, so that a hostile file cannot take the machine down.
//!
//! A text of 1 MiB can hold thousands of expressions that are large when compiled, or a list in `defaults` that thousands
//! of policies copy. Each such thing is charged its size when it is built, and reading stops being generous when
//! [`TOTAL`] is spent: one error, and nothing more is compiled.

/// What all policies of a repository may take in memory, in bytes. About 16,000 ordinary expressions and globs.
pub(super) const TOTAL: usize = 256 * 1024 * 1024;
/// What one compiled glob, or one small expression, is charged.
pub(super) const SMALL: usize = 16 * 1024;
/// What one entry of a list is charged for each policy that has it.
pub(super) const COPY: usize = 1024;

/// What is left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Budget {
        Budget(TOTAL)
    }
}

impl Budget {
    /// Takes `cost`; when there is not as much left, nothing remains.
    pub(super) fn take(&mut self, cost: usize) -> bool {
        let enough = cost <= self.0 && self.0 > 0;
        self.0 = if enough { self.0 - cost } else { 0 };
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spent_is_gone() {
        let mut budget = Budget::default();
        assert!(budget.take(TOTAL - 1));
        assert!(budget.take(0));
        assert!(!budget.take(2));
        assert!(!budget.take(0), "nothing is built any more");
    }
}
