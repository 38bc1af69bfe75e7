//! When images were first seen, for `require: {age: ...}` after the folder of what is remembered was lost.
//!
//! Such a time lets something be written, so nobody's word is taken for it: it counts only under the operator's own seal, a
//! keyed hash (HMAC-SHA256) over image, digest and time with a secret that is not in the repository. An entry that was made up, or
//! altered, is not ours. An old state of the file that somebody puts back holds only what was true.

use super::{moment, seconds};
use crate::image::{Digest, Repository};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The most entries: of more the earliest are dropped, for an image that was seen long ago has long been written.
pub const MAX_SIGHTS: usize = 2_000;
/// Bytes of the keyed hash that are kept: 128 bits.
const MARK: usize = 16;
/// The longest mark that is read, in bytes: more than we write.
const MAX_MARK: usize = 64;
/// What the secret is used for, so that the same secret elsewhere gives other bytes.
const PURPOSE: &[u8] = b"landwaiter ledger: first seen, version 1";

/// Makes and knows the marks of one operator.
#[derive(Clone)]
pub struct Seal {
    key: hmac::Key,
    /// Names the secret without telling it: several operators may share a ledger.
    id: String,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(•••)")
    }
}

impl Seal {
    /// From the bytes of a secret. They should be random: somebody who guesses them can make marks.
    pub fn new(secret: &[u8]) -> Seal {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let own = hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, PURPOSE).as_ref());
        let id = hex(&digest::digest(&digest::SHA256, hmac::sign(&own, b"name").as_ref()).as_ref()[..4]);
        Seal { key: own, id }
    }

    fn mark(&self, image: &Repository, digest: &Digest, first: i64) -> String {
        let tag = hmac::sign(&self.key, format!("seen\n{image}\n{digest}\n{first}").as_bytes());
        format!("{}.{}", self.id, hex(&tag.as_ref()[..MARK]))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When an image was first seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sight {
    pub image: Repository,
    pub digest: Digest,
    /// Seconds since 1970, UTC.
    pub first: i64,
}

/// First sights, each under the seal of whoever saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sights {
    /// By image, digest and the name of the seal: the time and the whole mark.
    marked: BTreeMap<(Repository, Digest, String), (i64, String)>,
}

impl Sights {
    /// The images that were seen under this seal, and when each was first.
    pub fn sealed<'s>(&'s self, seal: &'s Seal) -> impl Iterator<Item = Sight> + 's {
        self.marked.iter().filter_map(|((image, digest, id), (first, mark))| {
            let ours = *id == seal.id && *mark == seal.mark(image, digest, *first);
            ours.then(|| Sight { image: image.clone(), digest: digest.clone(), first: *first })
        })
    }

    /// Adds what was seen under the seal; whether anything is new. What is known as earlier stays, what is not ours under our
    /// name is replaced, and beyond [`MAX_SIGHTS`] what was seen first goes.
    pub fn add(&mut self, sights: impl IntoIterator<Item = Sight>, seal: &Seal) -> bool {
        let before = self.marked.clone();
        for Sight { image, digest, first } in sights {
            let mark = seal.mark(&image, &digest, first);
            let place = (image, digest, seal.id.clone());
            let known = self
                .marked
                .get(&place)
                .is_some_and(|(earlier, mark)| *earlier <= first && *mark == seal.mark(&place.0, &place.1, *earlier));
            if !known {
                self.marked.insert(place, (first, mark));
            }
        }
        let excess = self.marked.len().saturating_sub(MAX_SIGHTS);
        if excess > 0 {
            let mut all: Vec<_> = self.marked.iter().map(|(place, (first, _))| (*first, place.clone())).collect();
            all.sort();
            for (_, place) in all.into_iter().take(excess) {
                self.marked.remove(&place);
            }
        }
        self.marked != before
    }

    pub(super) fn read(shapes: Vec<Shape>) -> Result<Sights, String> {
        let mut sights = Sights::default();
        for Shape { digest, first, image, seal } in shapes {
            let bad = |what: &str, text: &str| {
                format!("`{}` is no {what}", text.chars().take(80).collect::<String>().escape_debug())
            };
            if seal.len() > MAX_MARK {
                return Err(bad("mark", &seal));
            }
            let digest = Digest::parse(&digest).map_err(|_| bad("digest", &digest))?;
            let image = Repository::parse(&image).map_err(|_| bad("image", &image))?;
            let id = seal.split_once('.').map_or("", |(id, _)| id).to_owned();
            sights.marked.insert((image, digest, id), (seconds(&first)?, seal));
        }
        Ok(sights)
    }

    pub(super) fn shapes(&self) -> impl Iterator<Item = Shape> {
        self.marked.iter().map(|((image, digest, _), (first, seal))| Shape {
            digest: digest.to_string(),
            first: moment(*first),
            image: image.to_string(),
            seal: seal.clone(),
        })
    }
}

/// As it stands in the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Shape {
    digest: String,
    first: String,
    image: String,
    seal: String,
}
