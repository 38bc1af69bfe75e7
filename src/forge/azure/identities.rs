//! Who is meant by a name: identities go by number, and are looked up among the members of the project's teams.

use super::shapes::{Identity, Member, Team};
use super::{AzureDevOps, VERSION};
use crate::port::ForgeError;
use std::collections::BTreeMap;

/// Teams of a project whose members are looked through.
const MAX_TEAMS: usize = 100;

impl AzureDevOps {
    async fn teams(&self) -> Result<Vec<Team>, ForgeError> {
        let url = self.api.url(&["_apis", "projects", &self.project, "teams"], &[("api-version", VERSION)])?;
        self.pages(&url, MAX_TEAMS).await
    }

    /// Everybody in the teams, by the number of the identity.
    async fn members(&self, teams: &[Team]) -> Result<BTreeMap<String, Identity>, ForgeError> {
        let mut members = BTreeMap::new();
        for team in teams.iter().take(MAX_TEAMS) {
            let parts = ["_apis", "projects", &self.project, "teams", &team.id, "members"];
            let url = self.api.url(&parts, &[("api-version", VERSION)])?;
            let some: Vec<Member> = self.pages(&url, usize::MAX).await?;
            members.extend(some.into_iter().map(|member| (member.identity.id.clone(), member.identity)));
        }
        Ok(members)
    }

    /// Identities by name, and the names that nobody has, or several have.
    pub(super) async fn identities<'a>(&self, names: &'a [String]) -> Result<(Vec<String>, Vec<&'a str>), ForgeError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut teams: Option<Vec<Team>> = None;
        let mut members: Option<BTreeMap<String, Identity>> = None;
        for name in names {
            if is_number(name) {
                found.push(name.clone());
                continue;
            }
            if teams.is_none() {
                teams = Some(self.teams().await?);
            }
            let known = teams.as_deref().unwrap_or_default();
            let id = match name.split_once('/') {
                Some((project, team)) if project.eq_ignore_ascii_case(&self.project) => {
                    known.iter().find(|other| other.name.eq_ignore_ascii_case(team)).map(|team| team.id.clone())
                }
                Some(_) => None,
                None => {
                    if members.is_none() {
                        members = Some(self.members(known).await?);
                    }
                    members.as_ref().and_then(|members| called(members.values(), name))
                }
            };
            match id {
                Some(id) => found.push(id),
                None => missing.push(name.as_str()),
            }
        }
        Ok((found, missing))
    }
}

/// The one that has the unique name, or else the only one that is shown by it.
fn called<'a>(members: impl Iterator<Item = &'a Identity> + Clone, name: &str) -> Option<String> {
    let unique = |member: &&Identity| member.unique_name.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(name));
    if let Some(member) = members.clone().find(unique) {
        return Some(member.id.clone());
    }
    let mut shown = members.filter(|member| member.display_name.as_deref() == Some(name));
    match (shown.next(), shown.next()) {
        (Some(member), None) => Some(member.id.clone()),
        _ => None,
    }
}

/// Whether a text is a GUID.
fn is_number(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let hex = parts.iter().all(|part| part.bytes().all(|b| b.is_ascii_hexdigit()));
    hex && parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_somebody_s_only_where_it_is_one_person_s() {
        let identity = |id: &str, unique: &str, shown: &str| Identity {
            id: id.to_owned(),
            unique_name: Some(unique.to_owned()),
            display_name: Some(shown.to_owned()),
        };
        let members = [identity("1", "a@x.com", "Ann"), identity("2", "b@x.com", "Bo"), identity("3", "c@x.com", "Bo")];
        let who = |name| called(members.iter(), name);
        assert_eq!((who("A@x.com").as_deref(), who("Ann").as_deref()), (Some("1"), Some("1")));
        assert_eq!((who("Bo"), who("nobody")), (None, None));
    }

    #[test]
    fn numbers_of_identities_are_told_from_names() {
        assert!(is_number("3411ebc1-d5aa-464f-9615-0b527bc66719"));
        assert!(!is_number("3411ebc1-d5aa-464f-9615"));
        assert!(!is_number("alice"));
        assert!(!is_number("3411ebc1-d5aa-464f-9615-0b527bc6671x"));
    }
}
