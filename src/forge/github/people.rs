//! Labels, reviewers and assignees.
//!
//! <https://docs.github.com/en/rest/issues/labels>, <https://docs.github.com/en/rest/issues/assignees> and
//! <https://docs.github.com/en/rest/pulls/review-requests>

use super::shapes::Assigned;
use super::{GitHub, PULL_REQUESTS, refusal};
use crate::http::Method;
use crate::port::{ForgeError, ForgeErrorKind};
use serde_json::json;

impl GitHub {
    pub(super) async fn put_labels(&self, number: u64, add: &[String], remove: &[String]) -> Result<(), ForgeError> {
        let number = number.to_string();
        if !add.is_empty() {
            let call = self.call(Method::Post, &["issues", &number, "labels"], PULL_REQUESTS);
            self.done(call.with(json!({ "labels": add }))).await?;
        }
        for label in remove {
            let call = self.call(Method::Delete, &["issues", &number, "labels", label], PULL_REQUESTS);
            match self.done(call).await {
                Err(error) if refusal::is_absent_label(&error) => {}
                done => drop(done?),
            }
        }
        Ok(())
    }

    pub(super) async fn ask_for_review(&self, number: u64, names: &[String]) -> Result<(), ForgeError> {
        let (mut people, mut teams) = (Vec::new(), Vec::new());
        for name in names {
            match name.split_once('/') {
                None => people.push(name.as_str()),
                Some((owner, team)) if owner.eq_ignore_ascii_case(&self.owner) => teams.push(team),
                Some(_) => {
                    let detail = format!("{name} is no team of {}, and no other can review here", self.owner);
                    return Err(self.api.error(ForgeErrorKind::Refused, detail));
                }
            }
        }
        let number = number.to_string();
        let call = self.call(Method::Post, &["pulls", &number, "requested_reviewers"], PULL_REQUESTS);
        self.done(call.with(json!({ "reviewers": people, "team_reviewers": teams }))).await.map(drop)
    }

    /// GitHub passes over whom it cannot assign; that is told here.
    pub(super) async fn assign(&self, number: u64, names: &[String]) -> Result<(), ForgeError> {
        let number = number.to_string();
        let call = self.call(Method::Post, &["issues", &number, "assignees"], PULL_REQUESTS);
        let issue: Assigned = self.read(call.with(json!({ "assignees": names }))).await?;
        let left: Vec<&str> = names.iter().map(String::as_str).filter(|name| !issue.has(name)).collect();
        if left.is_empty() {
            return Ok(());
        }
        let detail = format!("it does not assign {}: assignees need access to the repository", left.join(", "));
        Err(self.api.error(ForgeErrorKind::Refused, detail))
    }
}
