//! Whole commit ids for the beginnings that pull requests have of them.

use super::shapes::{Branch, Commit};
use super::{BitbucketCloud, LONG_PAGE, quoted};
use crate::forge::fields::commit;
use crate::port::{CommitId, ForgeError, ForgeErrorKind};
use std::sync::PoisonError;

/// Commits whose whole id is remembered.
const MAX_KNOWN: usize = 10_000;

impl BitbucketCloud {
    pub(super) async fn whole(&self, short: &str) -> Result<CommitId, ForgeError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(short).cloned();
        if let Some(id) = commit(short).or(known) {
            return Ok(id);
        }
        let unusable = |what: &str| self.api.error(ForgeErrorKind::Malformed, format!("{what} is no commit"));
        if short.len() < 7 || !short.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(unusable(short));
        }
        match self.api.get::<Commit>(self.at(&["commit", short], &[])?).await {
            Ok(found) if found.hash.starts_with(short) => {
                let id = commit(&found.hash).ok_or_else(|| unusable(&found.hash))?;
                self.learn(id.clone(), short.len());
                Ok(id)
            }
            Ok(found) => Err(unusable(&found.hash)),
            // The commit went with its branch.
            Err(error) if error.kind == ForgeErrorKind::NotFound => Ok(CommitId(short.to_owned())),
            Err(error) => Err(error),
        }
    }

    fn learn(&self, id: CommitId, digits: usize) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_KNOWN {
            known.clear();
        }
        known.insert(id.0.chars().take(digits).collect(), id);
    }

    /// Learns the heads of all branches below a prefix, so that they need not be asked for one by one.
    pub(super) async fn learn_heads(&self, prefix: &str, digits: usize) -> Result<(), ForgeError> {
        let query = format!("name ~ {}", quoted(&format!("{prefix}/")));
        let url = self.at(&["refs", "branches"], &[("q", &query), ("pagelen", LONG_PAGE)])?;
        for branch in self.pages::<Branch>(url).await? {
            if let Some(id) = branch.target.and_then(|target| commit(&target.hash)) {
                self.learn(id, digits);
            }
        }
        Ok(())
    }
}
