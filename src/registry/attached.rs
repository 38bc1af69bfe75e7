//! Questions about content by its digest: what refers to a manifest, and the bytes of manifests and blobs.
//!
//! What comes has the digest it was asked for by, or it is an error.

use super::conversation::Conversation;
use super::metadata::verified;
use super::referrers::{self, Referrers};
use super::refusal::check_status;
use super::request;
use crate::http::{Answer, Request};
use crate::image::Digest;
use crate::port::{Referrer, RegistryError};

impl Conversation<'_> {
    /// What refers to the manifest.
    pub(crate) async fn referrers(mut self, digest: &Digest) -> Result<Vec<Referrer>, RegistryError> {
        let listed = self.list_referrers(digest).await;
        listed.map_err(|error| self.explain(error))
    }

    /// The bytes of a manifest.
    pub(crate) async fn manifest_bytes(self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let asked = request::manifest(&self.host.base, &self.repository, digest.as_str());
        self.content(asked, digest).await
    }

    /// The bytes of a blob.
    pub(crate) async fn blob(self, digest: &Digest, limit: usize) -> Result<Vec<u8>, RegistryError> {
        let asked = request::blob(&self.host.base, &self.repository, digest, limit);
        self.content(asked, digest).await
    }

    async fn content(mut self, asked: Request, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let answer = self.ask(asked).await.and_then(|answer| whole(&self.host.name, answer, digest));
        answer.map_err(|error| self.explain(error))
    }

    async fn list_referrers(&mut self, digest: &Digest) -> Result<Vec<Referrer>, RegistryError> {
        let mut answer = self.ask(request::referrers(&self.host.base, &self.repository, digest)).await?;
        if referrers::without_api(&answer) {
            return self.tag_schema(digest).await;
        }
        let mut list = Referrers::default();
        while let Some(next) = list.add(&self.host.name, &answer)? {
            answer = self.ask(request::referrers_page(next)).await?;
        }
        Ok(list.finish())
    }

    async fn tag_schema(&mut self, digest: &Digest) -> Result<Vec<Referrer>, RegistryError> {
        let Some(tag) = referrers::fallback_tag(digest) else {
            return Ok(Vec::new());
        };
        let answer = self.ask(request::manifest(&self.host.base, &self.repository, tag.as_str())).await?;
        referrers::fallback(&self.host.name, &answer)
    }
}

fn whole(host: &str, answer: Answer, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
    check_status(host, &answer)?;
    verified(host, &answer, digest)?;
    Ok(answer.body.into())
}
