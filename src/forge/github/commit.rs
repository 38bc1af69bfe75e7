//! Commits that GitHub makes on a branch, and signs as its own, so that they are shown as verified
//! (<https://docs.github.com/en/graphql/reference/mutations#createcommitonbranch>).
//!
//! The head that is expected goes along: somebody else's push in between makes it an error, never a lost commit. Every file is
//! written with the mode of a plain file.

use super::GitHub;
use crate::port::{ApiCommit, CommitId, ForgeError, ForgeErrorKind, NewFile};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

const NEEDS: &str = "contents: write";
/// The most bytes of all files of one commit; base64 makes a third more of them.
pub(super) const MAX_COMMIT: usize = 16 << 20;

const COMMIT: &str = "mutation($input: CreateCommitOnBranchInput!) { \
    createCommitOnBranch(input: $input) { commit { oid } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Created {
    create_commit_on_branch: Payload,
}

#[derive(Deserialize)]
struct Payload {
    commit: Commit,
}

#[derive(Deserialize)]
struct Commit {
    oid: String,
}

impl GitHub {
    pub(super) async fn make_commit(&self, new: &ApiCommit) -> Result<CommitId, ForgeError> {
        let size: usize = new.commit.files.iter().map(|file| file.new.len()).sum();
        if size > MAX_COMMIT {
            let detail = format!("a commit of {size} bytes is more than the {MAX_COMMIT} that are sent");
            return Err(self.api.error(ForgeErrorKind::TooLarge, detail));
        }
        let (headline, body) = headline_and_body(&new.commit.message);
        let input = json!({
            "branch": { "repositoryNameWithOwner": self.full_name(), "branchName": new.branch },
            "expectedHeadOid": new.parent.0,
            "message": { "headline": headline, "body": body },
            "fileChanges": { "additions": new.commit.files.iter().map(addition).collect::<Vec<_>>() },
        });
        let made: Created = self.graphql(COMMIT, json!({ "input": input }), NEEDS).await?;
        let id = made.create_commit_on_branch.commit.oid;
        if matches!(id.len(), 40 | 64) && id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(CommitId(id));
        }
        Err(self.api.error(ForgeErrorKind::Malformed, "the commit it made has no id that could be read"))
    }
}

fn addition(file: &NewFile) -> Value {
    json!({ "path": &*file.path, "contents": STANDARD.encode(&file.new) })
}

/// GitHub puts them together again with an empty line between.
fn headline_and_body(message: &str) -> (&str, &str) {
    let (headline, body) = message.trim_end().split_once('\n').unwrap_or((message.trim_end(), ""));
    (headline.trim_end(), body.trim_start_matches(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_a_headline_and_may_have_a_body() {
        for (message, parts) in [
            ("update web\n", ("update web", "")),
            ("update web\n\n- one\n\n- two\n", ("update web", "- one\n\n- two")),
            ("update web\r\n\r\n  indented", ("update web", "  indented")),
            ("", ("", "")),
        ] {
            assert_eq!(headline_and_body(message), parts, "{message:?}");
        }
    }
}
