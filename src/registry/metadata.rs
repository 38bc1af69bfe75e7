//! What an image says about itself: manifests and configurations as answers that are read, never believed.
//!
//! An index leads to its images, an image to its configuration, each by digest, and bytes that do not have the digest they
//! were asked for by are refused. Entries of an index for the platform `unknown`, which hold attestations, are no images.
//! Nothing here sends anything.

use super::refusal::{check_status, error};
use super::response::{digest_header, json};
use crate::http::{Answer, clean};
use crate::image::{Digest, ImageMetadata, Platform, RunConfig};
use crate::port::{RegistryError, RegistryErrorKind};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256, Sha512};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most bytes of an image's configuration. Those of large images have some tens of kilobytes.
pub const MAX_CONFIG_BYTES: usize = 4 * 1024 * 1024;
/// The most bytes of one image's labels together.
pub const MAX_LABEL_BYTES: usize = 64 * 1024;
/// The longest text that is kept of how an image is run, in characters, and the longest list.
const MAX_RUN_TEXT: usize = 256;
const MAX_RUN_LIST: usize = 64;
/// The annotation of an index that says when it was built.
const CREATED: &str = "org.opencontainers.image.created";
/// The annotation of an index entry that is no image but belongs to one.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";

/// A manifest with its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Index {
        /// The manifest of the first image.
        first: Option<Digest>,
        platforms: Vec<Platform>,
        created: Option<i64>,
    },
    Image {
        config: Digest,
        /// Of its layers together, in bytes.
        size: u64,
    },
}

/// What the configuration of one image says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) created: Option<i64>,
    pub(crate) platform: Option<Platform>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) run: RunConfig,
}

/// Reads the manifest that a tag names, or with `wanted` the one of that digest.
pub(crate) fn manifest(host: &str, answer: &Answer, wanted: Option<&Digest>) -> Result<Manifest, RegistryError> {
    check_status(host, answer)?;
    let digest = match wanted {
        Some(wanted) => Some(wanted.clone()),
        None => digest_header(host, answer)?,
    };
    let digest = match digest {
        Some(digest) => verified(host, answer, &digest)?,
        None => super::response::digest_of_manifest(host, answer)?,
    };
    let body: Body = json(host, answer)?;
    let content = match (body.manifests, body.config) {
        (Some(children), _) => index(children, &body.annotations.unwrap_or_default()),
        (None, Some(config)) => {
            let sizes = body
                .layers
                .unwrap_or_default()
                .into_iter()
                .map(|layer| layer.size.and_then(|size| size.as_u64()).unwrap_or(0));
            Content::Image { config: digest_of(host, &config.digest)?, size: sizes.fold(0, u64::saturating_add) }
        }
        (None, None) => {
            let detail = "a manifest without configuration (schema 1), which says nothing about the image";
            return Err(error(host, RegistryErrorKind::Malformed, detail.to_owned()));
        }
    };
    Ok(Manifest { digest, content })
}

/// Reads the configuration of that digest.
pub(crate) fn config(host: &str, answer: &Answer, wanted: &Digest) -> Result<Config, RegistryError> {
    check_status(host, answer)?;
    verified(host, answer, wanted)?;
    let body: ConfigBody = json(host, answer)?;
    let config = body.config.unwrap_or_default();
    let run = config.as_run();
    let labels = config.labels.unwrap_or_default();
    let labels: BTreeMap<String, String> =
        labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    if labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > MAX_LABEL_BYTES {
        let detail = format!("labels of more than {} KiB", MAX_LABEL_BYTES / 1024);
        return Err(error(host, RegistryErrorKind::TooLarge, detail));
    }
    let platform = body
        .os
        .zip(body.architecture)
        .map(|(os, architecture)| Platform::new(&os, &architecture, body.variant.as_deref()));
    Ok(Config { created: body.created.as_deref().and_then(seconds), platform, labels, run })
}

/// Joins what was read: the configuration and the size are those of the image, or of an index's first image. Without them (an
/// index of no images) there are no labels, and no time but the index's own.
pub(crate) fn joined(manifest: Manifest, image: Option<(Config, u64)>) -> ImageMetadata {
    let size = image.as_ref().map(|(_, size)| *size);
    let config = image.map(|(config, _)| config).unwrap_or_default();
    let (mut platforms, created) = match manifest.content {
        Content::Index { platforms, created, .. } => (platforms, created),
        Content::Image { .. } => (Vec::new(), None),
    };
    if platforms.is_empty() {
        platforms.extend(config.platform);
    }
    ImageMetadata {
        digest: manifest.digest,
        created: created.or(config.created),
        platforms,
        labels: config.labels,
        size,
        run: size.map(|_| config.run),
    }
}

fn index(children: Vec<Descriptor>, annotations: &BTreeMap<String, Option<String>>) -> Content {
    let images: Vec<Descriptor> = children.into_iter().filter(Descriptor::is_image).collect();
    let first = images.iter().find_map(|image| Digest::parse(&image.digest).ok());
    let mut platforms: Vec<Platform> = images.iter().filter_map(|image| image.platform.as_ref()?.known()).collect();
    platforms.sort();
    platforms.dedup();
    let created = annotations.get(CREATED).and_then(|text| seconds(text.as_deref()?));
    Content::Index { first, platforms, created }
}

/// The digest, if the bytes have it.
pub(crate) fn verified(host: &str, answer: &Answer, digest: &Digest) -> Result<Digest, RegistryError> {
    let hex = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let found = match digest.as_str().split_once(':') {
        Some(("sha256", _)) => format!("sha256:{}", hex(&Sha256::digest(&answer.body))),
        Some(("sha512", _)) => format!("sha512:{}", hex(&Sha512::digest(&answer.body))),
        _ => {
            let detail = format!("`{digest}` is of an algorithm that cannot be checked");
            return Err(error(host, RegistryErrorKind::Malformed, detail));
        }
    };
    if found != digest.as_str() {
        let detail = format!("asked for {digest} and got bytes of {found}");
        return Err(error(host, RegistryErrorKind::Malformed, detail));
    }
    Ok(digest.clone())
}

fn digest_of(host: &str, text: &str) -> Result<Digest, RegistryError> {
    let bad = |_| error(host, RegistryErrorKind::Malformed, format!("`{}` is not a digest", clean(text)));
    Digest::parse(text).map_err(bad)
}

/// A time of RFC 3339; one that is none is as good as missing.
fn seconds(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|time| time.as_second())
}

#[derive(Deserialize)]
struct Body {
    manifests: Option<Vec<Descriptor>>,
    config: Option<Descriptor>,
    layers: Option<Vec<Layer>>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

/// Only its size is looked at, and one that is no number counts nothing.
#[derive(Deserialize)]
struct Layer {
    size: Option<Value>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<PlatformBody>,
    annotations: Option<BTreeMap<String, Option<String>>>,
}

impl Descriptor {
    fn is_image(&self) -> bool {
        let attached = self.annotations.as_ref().is_some_and(|all| all.contains_key(REFERENCE_TYPE));
        let unknown = self.platform.as_ref().is_some_and(|platform| platform.known().is_none());
        !attached && !unknown
    }
}

#[derive(Deserialize)]
struct PlatformBody {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    variant: Option<String>,
}

impl PlatformBody {
    fn known(&self) -> Option<Platform> {
        let unknown = |text: &str| text.is_empty() || text == "unknown";
        let known = !unknown(&self.os) && !unknown(&self.architecture);
        known.then(|| Platform::new(&self.os, &self.architecture, self.variant.as_deref()))
    }
}

#[derive(Deserialize)]
struct ConfigBody {
    created: Option<String>,
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    config: Option<Run>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Run {
    labels: Option<BTreeMap<String, Option<String>>>,
    // For people only: whatever stands there, the image is not refused for it.
    user: Option<Value>,
    entrypoint: Option<Value>,
    cmd: Option<Value>,
    exposed_ports: Option<Value>,
    env: Option<Value>,
}

impl Run {
    /// What users of the image notice, each text and each list bounded.
    fn as_run(&self) -> RunConfig {
        let short = |text: &str| text.chars().take(MAX_RUN_TEXT).collect::<String>();
        let list = |value: &Option<Value>| -> Vec<String> {
            let texts = value.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
            texts.take(MAX_RUN_LIST).map(short).collect()
        };
        let ports = self.exposed_ports.iter().filter_map(Value::as_object).flat_map(|ports| ports.keys());
        let name = |variable: String| variable.split('=').next().unwrap_or_default().to_owned();
        let mut environment: Vec<String> = list(&self.env).into_iter().map(name).collect();
        environment.sort();
        RunConfig {
            user: short(self.user.as_ref().and_then(Value::as_str).unwrap_or_default()),
            entrypoint: list(&self.entrypoint),
            command: list(&self.cmd),
            ports: ports.take(MAX_RUN_LIST).map(|port| short(port)).collect(),
            environment,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RegistryErrorKind::{Malformed, NotFound, TooLarge};
    use proptest::prelude::*;
    use reqwest::StatusCode;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: reqwest::header::HeaderMap::new(),
            body: body.to_owned().into(),
            url: "https://example.com/v2/acme/web/manifests/1".parse().unwrap(),
        }
    }

    fn digest_of_text(text: &str) -> Digest {
        let hex: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Digest::parse(&format!("sha256:{hex}")).unwrap()
    }

    fn hex(c: char) -> String {
        format!("sha256:{}", c.to_string().repeat(64))
    }

    #[test]
    fn an_index_names_its_platforms_and_its_first_image() {
        let text = serde_json::json!({
            "schemaVersion": 2,
            "annotations": {"org.opencontainers.image.created": "2024-05-01T12:00:00Z"},
            "manifests": [
                {"digest": hex('a'), "platform": {"os": "unknown", "architecture": "unknown"}},
                {"digest": hex('b'), "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
                {"digest": hex('c'), "platform": {"os": "linux", "architecture": "amd64"}},
                {"digest": hex('d'), "platform": {"os": "linux", "architecture": "amd64"},
                 "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            ],
        })
        .to_string();
        let read = manifest("h", &answer(200, &text), None).unwrap();
        assert_eq!(read.digest, digest_of_text(&text));
        let Content::Index { first, platforms, created } = read.content else { panic!("no index") };
        assert_eq!(first.unwrap().as_str(), hex('b'));
        let shown: Vec<String> = platforms.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["linux/amd64", "linux/arm64/v8"]);
        assert_eq!(created, Some(1_714_564_800));
    }

    #[test]
    fn a_configuration_says_when_for_what_and_with_which_labels() {
        let text = r#"{"created":"2024-05-01T14:00:00.5+02:00","os":"linux","architecture":"arm64","variant":"v8",
            "config":{"Labels":{"vendor":"acme","none":null}}}"#;
        let read = config("h", &answer(200, text), &digest_of_text(text)).unwrap();
        assert_eq!(read.created, Some(1_714_564_800));
        assert_eq!(read.platform.unwrap().to_string(), "linux/arm64/v8");
        assert_eq!(read.labels, [("vendor".to_owned(), "acme".to_owned())].into());
        for empty in ["{}", r#"{"created":"yesterday","config":null}"#, r#"{"config":{"Labels":null}}"#] {
            assert_eq!(config("h", &answer(200, empty), &digest_of_text(empty)).unwrap(), Config::default(), "{empty}");
        }
    }

    #[test]
    fn bytes_of_another_digest_are_refused() {
        let other = Digest::parse(&hex('e')).unwrap();
        let said = config("h", &answer(200, "{}"), &other).unwrap_err();
        assert_eq!(said.kind, Malformed);
        assert!(said.detail.contains("asked for sha256:eee"), "{said}");
        let image = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{}"}}}}"#, hex('a'));
        assert_eq!(manifest("h", &answer(200, &image), Some(&other)).unwrap_err().kind, Malformed);
        assert!(manifest("h", &answer(200, &image), Some(&digest_of_text(&image))).is_ok());
        let mut lying = answer(200, &image);
        lying.headers.insert("docker-content-digest", hex('e').parse().unwrap());
        assert_eq!(manifest("h", &lying, None).unwrap_err().kind, Malformed);
        let strange = Digest::parse(&format!("blake3:{}", "a".repeat(64))).unwrap();
        assert!(config("h", &answer(200, "{}"), &strange).unwrap_err().detail.contains("cannot be checked"));
    }

    #[test]
    fn what_is_no_manifest_says_why() {
        for (status, body, kind) in [
            (200, "<html>", Malformed),
            (200, "{}", Malformed),
            (200, r#"{"schemaVersion":1,"fsLayers":[]}"#, Malformed),
            (200, r#"{"schemaVersion":2,"config":{"digest":"sha256:x"}}"#, Malformed),
            (404, "{}", NotFound),
        ] {
            assert_eq!(manifest("h", &answer(status, body), None).unwrap_err().kind, kind, "{body}");
        }
    }

    #[test]
    fn labels_are_bounded() {
        let with = |bytes: usize| format!(r#"{{"config":{{"Labels":{{"a":"{}"}}}}}}"#, "x".repeat(bytes));
        let (fits, over) = (with(MAX_LABEL_BYTES - 1), with(MAX_LABEL_BYTES));
        assert!(config("h", &answer(200, &fits), &digest_of_text(&fits)).is_ok());
        assert_eq!(config("h", &answer(200, &over), &digest_of_text(&over)).unwrap_err().kind, TooLarge);
    }

    proptest! {
        #[test]
        fn no_body_is_a_panic(body in "(\\{|\\}|\\[|\\]|\"|,|:|\"manifests\"|\"config\"|\"digest\"|\"platform\"|null|1|\\PC){0,40}") {
            let _ = manifest("h", &answer(200, &body), None);
            let _ = config("h", &answer(200, &body), &digest_of_text(&body));
        }
    }
}
