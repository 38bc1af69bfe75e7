//! Pull requests on every forge: each adapter against a fake that speaks the forge's dialect in front of a real bare
//! repository, by one conversation for all of them; and the life of pull requests, rule by rule.
#![recursion_limit = "256"] // whole objects of GitHub in one `json!`
#![expect(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests start servers and may panic")]

#[path = "../support/repos.rs"]
#[expect(dead_code, reason = "these tests need the half that runs git")]
mod repos;

mod adapters;
mod azure;
mod bitbucket_cloud;
mod bitbucket_data_center;
mod dialect;
mod gitea;
mod gitea_alone;
mod github;
mod github_alone;
mod gitlab;
mod hub;
mod lifecycle;
mod misbehaviour;
mod openapi;
mod settled;
mod wire;
mod world;

use dialect::Dialect;

/// Every forge that is built.
const DIALECTS: &[Dialect] = &[
    github::GITHUB,
    github::GITHUB_ENTERPRISE,
    gitlab::GITLAB,
    gitea::GITEA,
    bitbucket_cloud::BITBUCKET_CLOUD,
    bitbucket_data_center::BITBUCKET_DATA_CENTER,
    azure::AZURE_DEVOPS,
];
