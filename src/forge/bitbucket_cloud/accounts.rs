//! Who is meant by a name.

use super::shapes::{Account, Member};
use super::{BitbucketCloud, LONG_PAGE};
use crate::port::ForgeError;

impl BitbucketCloud {
    /// Accounts by name, as a pull request names its reviewers; and the names that nobody has, or several have.
    pub(super) async fn accounts<'a>(&self, names: &'a [String]) -> Result<(Vec<Account>, Vec<&'a str>), ForgeError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        let mut members: Option<Vec<Member>> = None;
        for name in names {
            if name.starts_with('{') {
                found.push(Account::Uuid { uuid: name.clone() });
                continue;
            }
            if name.contains(':') {
                found.push(Account::Id { account_id: name.clone() });
                continue;
            }
            if members.is_none() {
                let url = self.api.url(&["workspaces", &self.workspace, "members"], &[("pagelen", LONG_PAGE)])?;
                members = Some(self.pages(url).await?);
            }
            let mut named = members.iter().flatten().filter(|member| member.user.is_called(name));
            match (named.next(), named.next()) {
                (Some(one), None) => found.push(Account::Uuid { uuid: one.user.uuid.clone() }),
                _ => missing.push(name.as_str()),
            }
        }
        Ok((found, missing))
    }
}
