//! What the text of a scalar says about an image, and why not when it says nothing that can be used.

use crate::image::{Digest, ImageRef, Repository};

/// The parts that one or several scalars give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) name: Option<String>,
    pub(super) repository: Option<Repository>,
    pub(super) tag: Option<String>,
    pub(super) digest: Option<Digest>,
}

/// A text that cannot be read as what its place asks for. The sentence fits after the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// Nothing, or blanks.
    Empty,
    /// Filled in by another program before it is an image.
    Template,
    Other(String),
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unreadable::Empty => f.write_str("is empty"),
            Unreadable::Template => f.write_str("is filled in by another program"),
            Unreadable::Other(why) => write!(f, "is no image reference: {why}"),
        }
    }
}

/// `name[:tag][@digest]`.
pub(super) fn whole(text: &str) -> Result<Parts, Unreadable> {
    let text = line(text)?;
    let image = ImageRef::parse(text).map_err(|error| Unreadable::Other(error.to_string()))?;
    Ok(Parts {
        name: Some(image.name),
        repository: Some(image.repository),
        tag: image.tag.map(|tag| tag.as_str().to_owned()),
        digest: image.digest,
    })
}

/// A repository's name without tag or digest.
pub(super) fn name(text: &str) -> Result<Parts, Unreadable> {
    let text = line(text)?;
    let repository = Repository::parse(text).map_err(|error| Unreadable::Other(error.to_string()))?;
    Ok(Parts { name: Some(text.to_owned()), repository: Some(repository), ..Parts::default() })
}

/// `tag` or `tag@digest`. A tag is taken as it is written, be it empty or no tag at all: the policy says what to do then.
pub(super) fn tag(text: &str) -> Result<Parts, Unreadable> {
    let text = match line(text) {
        Err(Unreadable::Empty) => "",
        other => other?,
    };
    let (tag, digest) = match text.split_once('@') {
        Some((tag, digest)) => match Digest::parse(digest) {
            Ok(digest) => (tag, Some(digest)),
            Err(error) => return Err(Unreadable::Other(error.to_string())),
        },
        None => (text, None),
    };
    Ok(Parts { tag: Some(tag.to_owned()), digest, ..Parts::default() })
}

/// A digest, or nothing yet.
pub(super) fn digest(text: &str) -> Result<Parts, Unreadable> {
    let digest = match line(text) {
        Err(Unreadable::Empty) => None,
        Err(other) => return Err(other),
        Ok(text) => Some(Digest::parse(text).map_err(|error| Unreadable::Other(error.to_string()))?),
    };
    Ok(Parts { digest, ..Parts::default() })
}

/// The text without the line breaks that a block scalar ends with.
fn line(text: &str) -> Result<&str, Unreadable> {
    let text = text.trim_end_matches('\n');
    if text.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if ["{{", "${", "$(", "<%", "[["].iter().any(|open| text.contains(open)) {
        return Err(Unreadable::Template);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_as_written() {
        let hash = format!("sha256:{}", "ab".repeat(32));
        let read = whole(&format!("nginx:1.27@{hash}\n")).unwrap();
        assert_eq!((read.name.as_deref(), read.tag.as_deref()), (Some("nginx"), Some("1.27")));
        assert_eq!(read.digest.unwrap().as_str(), hash);
        assert_eq!(tag(&format!("1.27@{hash}")).unwrap().tag.as_deref(), Some("1.27"));
        assert_eq!(tag("").unwrap().tag.as_deref(), Some(""));
        assert_eq!(tag("no tag").unwrap().tag.as_deref(), Some("no tag"));
        assert_eq!(digest("").unwrap(), Parts::default());
        assert!(name("acme/web").unwrap().repository.is_some());
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert_eq!(whole(" "), Err(Unreadable::Empty));
        for template in ["{{ .Values.image }}", "${IMAGE}", "acme/web:$(TAG)", "<%= image %>"] {
            assert_eq!(whole(template), Err(Unreadable::Template), "{template}");
        }
        for bad in ["--image=app:1.0.0", "Acme/Web", "a b", "nginx:1@x", " nginx"] {
            assert!(matches!(whole(bad), Err(Unreadable::Other(_))), "{bad}");
        }
        assert!(name("nginx:1.27").is_err());
        assert!(digest("1.27").is_err());
        assert!(tag("1.27@latest").is_err());
    }
}
