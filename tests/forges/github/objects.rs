//! The objects that GitHub sends, whole: its description demands nearly every field.

use crate::hub::{BOT, NAME, OWNER, Pull, State};
use serde_json::{Value, json};

/// The repository's number.
pub(super) const REPOSITORY: u64 = 1_296_269;

const PAGES: &str = "https://github.com";

/// Makes objects whose addresses begin as the client wrote them.
pub(super) struct Objects<'a> {
    pub(super) api: &'a str,
}

/// The number of a pull request by its name in the GraphQL interface.
pub(super) fn number_of(node_id: &str) -> Option<u64> {
    node_id.strip_prefix("PR_kwDOABPHd")?.parse().ok()
}

pub(super) fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

impl Objects<'_> {
    pub(super) fn user(&self, login: &str) -> Value {
        let api = format!("{}/users/{login}", self.api);
        json!({
            "login": login, "id": 583_231, "node_id": format!("U_{login}"), "gravatar_id": "", "type": "User",
            "avatar_url": "https://avatars.githubusercontent.com/u/583231?v=4", "url": api,
            "html_url": format!("{PAGES}/{login}"), "followers_url": format!("{api}/followers"),
            "following_url": format!("{api}/following{{/other_user}}"), "gists_url": format!("{api}/gists{{/gist_id}}"),
            "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"), "subscriptions_url": format!("{api}/subscriptions"),
            "organizations_url": format!("{api}/orgs"), "repos_url": format!("{api}/repos"),
            "events_url": format!("{api}/events{{/privacy}}"), "received_events_url": format!("{api}/received_events"),
            "user_view_type": "public", "site_admin": false,
        })
    }

    fn team(&self, slug: &str) -> Value {
        let api = format!("{}/organizations/1/team/1", self.api);
        json!({
            "id": 1, "node_id": "T_1", "name": slug, "slug": slug, "description": null, "privacy": "closed",
            "notification_setting": "notifications_enabled", "permission": "pull", "url": api, "parent": null,
            "html_url": format!("{PAGES}/orgs/{OWNER}/teams/{slug}"), "members_url": format!("{api}/members{{/member}}"),
            "repositories_url": format!("{api}/repos"), "type": "organization",
        })
    }

    /// Only what a fork and its origin differ in is not made up.
    pub(super) fn repository(&self, full_name: &str) -> Value {
        let (owner, name) = full_name.split_once('/').unwrap();
        let api = format!("{}/repos/{full_name}", self.api);
        let page = format!("{PAGES}/{full_name}");
        let mut repository = json!({
            "id": REPOSITORY, "node_id": "R_1", "name": name, "full_name": full_name, "private": true,
            "owner": self.user(owner), "html_url": page, "description": null, "fork": owner != OWNER, "url": api,
            "git_url": format!("git://github.com/{full_name}.git"), "ssh_url": format!("git@github.com:{full_name}.git"),
            "clone_url": format!("{page}.git"), "svn_url": page, "homepage": null, "language": null, "mirror_url": null,
            "forks_count": 0, "stargazers_count": 0, "watchers_count": 0, "size": 108, "default_branch": "main",
            "open_issues_count": 0, "topics": [], "has_issues": true, "has_projects": true, "has_wiki": true,
            "has_pages": false, "has_downloads": true, "has_discussions": false, "archived": false, "disabled": false,
            "visibility": "private", "pushed_at": "2025-10-09T08:53:20Z", "created_at": "2011-01-26T19:01:12Z",
            "updated_at": "2025-10-09T08:53:20Z", "license": null, "forks": 0, "open_issues": 0, "watchers": 0,
            "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
        });
        for (key, below) in [
            ("archive_url", "/{archive_format}{/ref}"),
            ("assignees_url", "/assignees{/user}"),
            ("blobs_url", "/git/blobs{/sha}"),
            ("branches_url", "/branches{/branch}"),
            ("collaborators_url", "/collaborators{/collaborator}"),
            ("comments_url", "/comments{/number}"),
            ("commits_url", "/commits{/sha}"),
            ("compare_url", "/compare/{base}...{head}"),
            ("contents_url", "/contents/{+path}"),
            ("contributors_url", "/contributors"),
            ("deployments_url", "/deployments"),
            ("downloads_url", "/downloads"),
            ("events_url", "/events"),
            ("forks_url", "/forks"),
            ("git_commits_url", "/git/commits{/sha}"),
            ("git_refs_url", "/git/refs{/sha}"),
            ("git_tags_url", "/git/tags{/sha}"),
            ("hooks_url", "/hooks"),
            ("issue_comment_url", "/issues/comments{/number}"),
            ("issue_events_url", "/issues/events{/number}"),
            ("issues_url", "/issues{/number}"),
            ("keys_url", "/keys{/key_id}"),
            ("labels_url", "/labels{/name}"),
            ("languages_url", "/languages"),
            ("merges_url", "/merges"),
            ("milestones_url", "/milestones{/number}"),
            ("notifications_url", "/notifications{?since,all,participating}"),
            ("pulls_url", "/pulls{/number}"),
            ("releases_url", "/releases{/id}"),
            ("stargazers_url", "/stargazers"),
            ("statuses_url", "/statuses/{sha}"),
            ("subscribers_url", "/subscribers"),
            ("subscription_url", "/subscription"),
            ("tags_url", "/tags"),
            ("teams_url", "/teams"),
            ("trees_url", "/git/trees{/sha}"),
        ] {
            repository[key] = format!("{api}{below}").into();
        }
        repository
    }

    pub(super) fn labels(&self, pull: &Pull) -> Value {
        let label = |name: &String| {
            let mut url: url::Url = format!("{}/repos/{OWNER}/{NAME}/labels", self.api).parse().unwrap();
            url.path_segments_mut().unwrap().push(name);
            let url = url.as_str();
            // The description does not let a pull request's labels be without one, though GitHub sends null.
            json!({
                "id": 208_045_946, "node_id": "LA_1", "url": url, "name": name, "description": "", "color": "ededed",
                "default": false,
            })
        };
        pull.labels.iter().map(label).collect()
    }

    /// As it stands in lists.
    pub(super) fn simple(&self, pull: &Pull) -> Value {
        let number = pull.number;
        let repository = format!("{}/repos/{OWNER}/{NAME}", self.api);
        let (api, page) = (format!("{repository}/pulls/{number}"), format!("{PAGES}/{OWNER}/{NAME}/pull/{number}"));
        let issue = format!("{repository}/issues/{number}");
        let ours = format!("{OWNER}/{NAME}");
        let from = pull.fork.as_ref().unwrap_or(&ours);
        let account = from.split('/').next().unwrap();
        let (teams, people): (Vec<&String>, Vec<&String>) = pull.reviewers.iter().partition(|name| name.contains('/'));
        let assignees: Vec<Value> = pull.assignees.iter().map(|name| self.user(name)).collect();
        let ended = pull.ended.filter(|_| pull.state != State::Open).map(time);
        let merged = ended.clone().filter(|_| pull.state == State::Merged);
        let author = if pull.fork.is_some() { account } else { BOT };
        let (comments, commits) = (format!("{issue}/comments"), format!("{api}/commits"));
        let statuses = format!("{repository}/statuses/{}", pull.head);
        let (review_comments, review_comment) =
            (format!("{api}/comments"), format!("{repository}/pulls/comments{{/number}}"));
        let auto_merge = pull.auto_merge.as_ref().map(|method| {
            json!({ "enabled_by": self.user(BOT), "merge_method": method, "commit_title": "", "commit_message": "" })
        });
        json!({
            "url": api, "id": 1_000 + number, "node_id": format!("PR_kwDOABPHd{number}"), "html_url": page,
            "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"), "issue_url": issue,
            "commits_url": commits, "review_comments_url": review_comments, "review_comment_url": review_comment,
            "comments_url": comments, "statuses_url": statuses, "number": number,
            "state": if pull.state == State::Open { "open" } else { "closed" }, "locked": false, "title": pull.title,
            "user": self.user(author), "body": Some(&pull.body).filter(|body| !body.is_empty()),
            "labels": self.labels(pull), "milestone": null, "active_lock_reason": null, "created_at": time(pull.created),
            "updated_at": time(pull.ended.unwrap_or(pull.created)), "closed_at": ended, "merged_at": merged,
            "merge_commit_sha": null, "assignee": assignees.first(), "assignees": assignees,
            "requested_reviewers": people.iter().map(|name| self.user(name)).collect::<Vec<_>>(),
            "requested_teams": teams.iter().map(|name| self.team(name.split('/').nth(1).unwrap())).collect::<Vec<_>>(),
            "head": {
                "label": format!("{account}:{}", pull.branch), "ref": pull.branch, "sha": pull.head,
                "user": self.user(account), "repo": self.repository(from),
            },
            "base": {
                "label": format!("{OWNER}:{}", pull.base), "ref": pull.base, "sha": pull.head, "user": self.user(OWNER),
                "repo": self.repository(&ours),
            },
            "_links": {
                "self": {"href": api}, "html": {"href": page}, "issue": {"href": issue}, "comments": {"href": comments},
                "review_comments": {"href": review_comments}, "review_comment": {"href": review_comment},
                "commits": {"href": commits}, "statuses": {"href": statuses},
            },
            "author_association": "CONTRIBUTOR", "auto_merge": auto_merge, "draft": pull.draft,
        })
    }

    /// As it is given alone.
    pub(super) fn full(&self, pull: &Pull) -> Value {
        let mut full = self.simple(pull);
        let merged = pull.state == State::Merged;
        let more = json!({
            "merged": merged, "mergeable": null, "rebaseable": null, "mergeable_state": "unknown",
            "merged_by": merged.then(|| self.user("alice")), "comments": pull.comments.len(), "review_comments": 0,
            "maintainer_can_modify": false, "commits": 1, "additions": 1, "deletions": 1, "changed_files": 1,
        });
        for (key, value) in more.as_object().unwrap() {
            full[key] = value.clone();
        }
        full
    }

    /// The pull request as an issue.
    pub(super) fn issue(&self, pull: &Pull) -> Value {
        let simple = self.simple(pull);
        let url = simple["issue_url"].as_str().unwrap();
        let mut issue = json!({
            "id": 2_000 + pull.number, "node_id": simple["node_id"], "url": url, "comments": pull.comments.len(),
            "repository_url": format!("{}/repos/{OWNER}/{NAME}", self.api), "labels_url": format!("{url}/labels{{/name}}"),
            "comments_url": format!("{url}/comments"), "events_url": format!("{url}/events"),
            "pull_request": {
                "url": simple["url"], "html_url": simple["html_url"], "diff_url": simple["diff_url"],
                "patch_url": simple["patch_url"], "merged_at": simple["merged_at"],
            },
        });
        for key in [
            "html_url",
            "number",
            "state",
            "title",
            "body",
            "user",
            "labels",
            "assignee",
            "assignees",
            "milestone",
            "locked",
            "active_lock_reason",
            "closed_at",
            "created_at",
            "updated_at",
            "author_association",
            "draft",
        ] {
            issue[key] = simple[key].clone();
        }
        issue
    }

    pub(super) fn comment(&self, pull: &Pull, text: &str) -> Value {
        let issue = format!("{}/repos/{OWNER}/{NAME}/issues", self.api);
        let page = format!("{PAGES}/{OWNER}/{NAME}/pull/{}#issuecomment-1", pull.number);
        json!({
            "id": 1, "node_id": "IC_1", "url": format!("{issue}/comments/1"), "html_url": page, "body": text,
            "user": self.user(BOT), "created_at": time(pull.created), "updated_at": time(pull.created),
            "issue_url": format!("{issue}/{}", pull.number), "author_association": "CONTRIBUTOR",
            "performed_via_github_app": null,
        })
    }
}
