//! What a script sends: a pipeline that has pushed, or a hook of a Git server that has none of its own.
//!
//! ```text
//! {"image": "registry.example.com/acme/web:1.2.3"}
//! {"images": ["registry.example.com/acme/web", "registry.example.com/acme/api"]}
//! {"repository": "https://git.example.com/platform/config.git", "branch": "main"}
//! ```
//!
//! `repository` is the URL or, for a bare repository on this machine, the path that stands in the settings.

use super::payload::Listed;
use super::{Malformed, Payload, Pushed};
use crate::image::ImageRef;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Event {
    image: Option<String>,
    images: Listed<String>,
    repository: Option<String>,
    branch: Option<String>,
}

pub(super) fn read(payload: &Payload<'_>) -> Result<Vec<Pushed>, Malformed> {
    let Event { image, images, repository, branch } = payload.json()?;
    let images = image.into_iter().chain(images.0).filter_map(|name| {
        let repository = ImageRef::parse(&name).ok()?.repository;
        payload.image(Some(repository.host()), repository.path())
    });
    let source = repository.map(|url| Pushed::Source { urls: vec![url], branch });
    Ok(images.chain(source).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{said, said_at};
    use crate::config::settings::WebhookKind::Generic;

    #[test]
    fn images_and_repositories_are_named() {
        for (body, expected) in [
            (r#"{"image":"reg.example.com/acme/web:1.2.3"}"#, vec!["reg.example.com/acme/web"]),
            (
                r#"{"image":"nginx","images":["reg.example.com/a","no image"]}"#,
                vec!["docker.io/library/nginx", "reg.example.com/a"],
            ),
            (
                r#"{"repository":"https://git.example.com/c.git","branch":"main"}"#,
                vec!["https://git.example.com/c.git @main"],
            ),
            (r#"{"repository":"/srv/config.git","images":null}"#, vec!["/srv/config.git @"]),
        ] {
            assert_eq!(said(Generic, &[], body), expected, "{body}");
        }
        let body = r#"{"image":"10.0.0.1:5000/acme/web"}"#;
        assert_eq!(said_at(Generic, &[], body, Some("reg.example.com"), None), ["reg.example.com/acme/web"]);
    }
}
