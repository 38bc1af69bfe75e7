//! Labels, reviewers and assignees: what Gitea knows by number, by name and by team.

use super::Gitea;
use super::shapes::Label;
use crate::forge::api::MAX_PAGES;
use crate::http::Method;
use crate::port::{ForgeError, ForgeErrorKind};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Of labels that are made.
const COLOUR: &str = "#1d76db";

impl Gitea {
    /// The numbers of labels, which are made where they do not exist.
    pub(super) async fn label_ids(&self, names: &[String]) -> Result<BTreeSet<u64>, ForgeError> {
        let known = self.labels().await?;
        let mut ids = BTreeSet::new();
        for name in names {
            ids.insert(match known.get(name) {
                Some(id) => *id,
                None => self.make_label(name).await?,
            });
        }
        Ok(ids)
    }

    /// Labels of the repository and of the organization that it belongs to, by name.
    async fn labels(&self) -> Result<BTreeMap<String, u64>, ForgeError> {
        let (own, all) = self.pages::<Label>(&self.at(&["labels"], &[])?, &[], MAX_PAGES).await?;
        if !all {
            return Err(self.api.error(ForgeErrorKind::TooLarge, format!("more than {MAX_PAGES} pages of labels")));
        }
        let url = self.api.url(&["orgs", &self.owner, "labels"], &[])?;
        let shared = match self.pages::<Label>(&url, &[], MAX_PAGES).await {
            Ok((shared, _)) => shared,
            // A person's repository, or a token that may not look: labels of an organization are a convenience.
            Err(error) if matches!(error.kind, ForgeErrorKind::NotFound | ForgeErrorKind::Forbidden) => Vec::new(),
            Err(error) => return Err(error),
        };
        // Of two of one name the repository's own is meant.
        Ok(shared.into_iter().chain(own).map(|label| (label.name, label.id)).collect())
    }

    async fn make_label(&self, name: &str) -> Result<u64, ForgeError> {
        let label = json!({"name": name, "color": COLOUR});
        let made = self.api.change(Method::Post, self.at(&["labels"], &[])?, &label).await?;
        self.api.read::<Label>(&made).map(|label| label.id)
    }

    pub(super) async fn ask_for_review(&self, number: u64, reviewer: &str) -> Result<(), ForgeError> {
        let request = match reviewer.split_once('/') {
            Some((organization, team)) if organization.eq_ignore_ascii_case(&self.owner) => {
                json!({"team_reviewers": [team]})
            }
            Some(_) => return Err(self.refused(format!("{reviewer} is no team of {}", self.owner))),
            None => json!({"reviewers": [reviewer]}),
        };
        let url = self.of("pulls", number, &["requested_reviewers"])?;
        self.api.change(Method::Post, url, &request).await.map(drop)
    }

    pub(super) async fn assign(&self, number: u64, names: &[String]) -> Result<(), ForgeError> {
        // What is sent replaces what is there.
        let there = self.one(number).await?.assignees.unwrap_or_default();
        let all: BTreeSet<&str> =
            there.iter().map(|user| user.login.as_str()).chain(names.iter().map(String::as_str)).collect();
        let url = self.of("issues", number, &[])?;
        self.api.change(Method::Patch, url, &json!({"assignees": all})).await.map(drop)
    }
}
