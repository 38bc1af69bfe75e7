//! Pull requests on the forges of the field: one file each, all of one anatomy, with a folder for what it sends.
//!
//! | file | forge |
//! |---|---|
//! | `api` | what all share: requests with credentials, bounded answers, pages, refusals |
//! | `fields` | what the answers of all forges hold: times, commits, branches of ours |
//! | `gitlab` | GitLab |
//! | `gitea` | Gitea and Forgejo |
//! | `github` | github.com, with data residency, and GitHub Enterprise Server |
//! | `bitbucket_cloud` | Bitbucket Cloud |
//! | `bitbucket_data_center` | Bitbucket Data Center |
//! | `azure` | Azure DevOps |
//!
//! Each file has the type with `new`, the shapes of what the forge sends (only the fields that are read, all of them
//! checked before they are used), and [`Forge`](crate::port::Forge) for it. What a forge calls a pull request, how it names
//! states and how it refuses stays in its file; nobody outside knows.
//!
//! Rules: nothing is sent twice that could be done twice; a pull request from a fork is never ours; no answer is trusted to be
//! short, complete or of the right repository.

mod api;
mod azure;
mod bitbucket_cloud;
mod bitbucket_data_center;
mod fields;
mod gitea;
mod github;
mod gitlab;

pub use azure::AzureDevOps;
pub use bitbucket_cloud::BitbucketCloud;
pub use bitbucket_data_center::BitbucketDataCenter;
pub use gitea::Gitea;
pub use github::{GitHub, GitHubApp};
pub use gitlab::GitLab;

use crate::http;
use crate::port::Login;
use url::Url;

/// Where a forge is, and who we are there: plain data, read by others from settings and environment.
#[derive(Debug, Clone)]
pub struct Options {
    pub http: http::Client,
    /// The beginning of the API's URLs, as that forge documents it, without a slash at the end: `https://api.github.com`.
    pub api: Url,
    /// The repository's path on the forge: `acme/config`.
    pub repository: String,
    pub login: Option<Login>,
}
