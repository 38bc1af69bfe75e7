//! References that two policies claim with the same right. A run holds them; `check` calls them errors, before anything is
//! asked of a registry.

use super::{Rejected, Run, RunError};
use crate::image::Repository;
use crate::plan::{Claim, Claims};
use crate::policy::{Policy, Reason};
use crate::text::Diagnostic;

impl Run<'_> {
    /// Every reference whose owner cannot be told, with the text it stands in.
    pub async fn disputes(&self) -> Result<Rejected, RunError> {
        let scanned = self.scan().await?;
        let claims = Claims::new(&scanned.policies);
        let admission = scanned.admission.clone();
        let allowed = |policy: &Policy, file: &str, image: &Repository| self.allowed(&admission, policy, file, image);
        let mut disputes = Rejected::default();
        for found in &scanned.found {
            let held = match claims.owner(&found.file, &found.reference, &allowed) {
                Claim::Held { held, .. } if held.reason == Reason::AmbiguousPolicy => held,
                _ => continue,
            };
            let span = found.reference.slots.first().map(|slot| slot.span);
            disputes.diagnostics.push(Diagnostic::error(&found.file, span, held.detail));
            if !disputes.sources.iter().any(|(file, _)| **file == *found.file) {
                let bytes = scanned.snapshot.read_one(&found.file)?.unwrap_or_default();
                disputes.sources.push((found.file.to_string(), String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
        disputes
            .diagnostics
            .sort_by(|a, b| (&a.file, a.span.map(|span| span.start)).cmp(&(&b.file, b.span.map(|span| span.start))));
        Ok(disputes)
    }
}
