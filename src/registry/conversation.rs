//! One question to one registry: ask, meet the challenge, turn the page, until there is a whole answer or a reason.
//!
//! What is asked and what an answer means is decided by pure functions ([`super::request`], [`super::response`]); this file
//! sends. What goes with a request is decided in [`super::passes`]; whatever was sent is hidden in what comes back before
//! anybody reads it.

use super::host::Host;
use super::keyring::{Keyring, Outcome};
use super::known::Known;
use super::listing::Listing;
use super::metadata::{self, Content, Manifest};
use super::passes::Standing;
use super::refusal::error;
use super::response;
use super::token::Tokens;
use super::{paging, request};
use crate::http::{self, Answer, Request};
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{KnownLists, RegistryError, RegistryErrorKind, Secret, TagsUnless, hide_secrets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;

/// How often one request is sent at most: without credentials, with a token that was kept, with a new one, and with one for
/// a login that was read anew.
const ROUNDS: usize = 4;

#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(super) http: &'a http::Client,
    pub(super) tokens: &'a Tokens,
    pub(super) keyring: &'a Keyring,
    pub(super) login: Standing,
    /// How long the further pages of a list may take together.
    pub(super) patience: Duration,
    pub(super) repository: Repository,
    /// What tokens are asked for; `None` asks for one that opens nothing.
    pub(super) scope: Option<String>,
    pub(super) host: Arc<Host>,
    /// What was sent so far and must not be repeated.
    pub(super) used: Vec<Secret>,
}

impl<'a> Conversation<'a> {
    /// Every tag, page after page.
    pub(crate) async fn tags(mut self) -> Result<Vec<String>, RegistryError> {
        let listed = self.list().await;
        listed.map_err(|error| self.explain(error))
    }

    /// The same, unless the answer is the one that is known.
    pub(crate) async fn tags_unless(mut self, known: &KnownLists<'_>) -> Result<TagsUnless, RegistryError> {
        let listed = self.list_unless(known).await;
        listed.map_err(|error| self.explain(error))
    }

    /// What the tag names.
    pub(crate) async fn digest(mut self, tag: &Tag) -> Result<Digest, RegistryError> {
        let resolved = self.resolve(tag).await;
        resolved.map_err(|error| self.explain(error))
    }

    /// What the image that the tag names says about itself.
    pub(crate) async fn metadata(mut self, tag: &Tag, known: &Known) -> Result<ImageMetadata, RegistryError> {
        let described = self.describe(tag, known).await;
        described.map_err(|error| self.explain(error))
    }

    async fn list(&mut self) -> Result<Vec<String>, RegistryError> {
        let first = self.first_answer().await?;
        self.rest_of_list(first).await
    }

    async fn list_unless(&mut self, known: &KnownLists<'_>) -> Result<TagsUnless, RegistryError> {
        let first = self.first_answer().await?;
        let mark = response::mark(&first);
        if let Some(mark) = mark.filter(|mark| known(mark)) {
            return Ok(TagsUnless::Same(mark));
        }
        let asked = first.url.clone();
        let tags = self.rest_of_list(first).await?;
        // A page that is full may not be the whole list.
        let whole = paging::after_full_page(&asked, &tags).is_none();
        Ok(TagsUnless::Tags { tags, mark: mark.filter(|_| whole) })
    }

    async fn rest_of_list(&mut self, first: Answer) -> Result<Vec<String>, RegistryError> {
        let patience = self.patience;
        match tokio::time::timeout(patience, self.list_from(first)).await {
            Ok(listed) => listed,
            Err(_) => {
                let detail = format!("the list was not whole after {} s", patience.as_secs());
                Err(error(&self.host.name, RegistryErrorKind::TimedOut, detail))
            }
        }
    }

    /// The first page as it was answered.
    pub(super) async fn first_answer(&mut self) -> Result<Answer, RegistryError> {
        let first = self.ask(self.first_page(Some(paging::PAGE_SIZE))).await?;
        if matches!(first.status.as_u16(), 400 | 405) {
            // Some registries refuse a page size that they do not like rather than ignore it.
            return self.ask(self.first_page(None)).await;
        }
        Ok(first)
    }

    fn first_page(&self, size: Option<usize>) -> Request {
        request::tags(&self.host.base, &self.repository, size)
    }

    async fn list_from(&mut self, mut answer: Answer) -> Result<Vec<String>, RegistryError> {
        let mut listing = Listing::new();
        let mut rest = false;
        loop {
            if rest && matches!(answer.status.as_u16(), 400 | 404) {
                // There is nothing after the last tag.
                return Ok(listing.finish());
            }
            let page = response::page(&self.repository, &answer)?;
            let address = answer.url;
            // The body has been read; nobody keeps it while the next page is on its way.
            drop(answer.body);
            let in_doubt = page.in_doubt.clone();
            let count = listing.len();
            let added = if rest { listing.add_rest(&address, page) } else { listing.add(&address, page) };
            let next = added.map_err(|(kind, detail)| error(&self.host.name, kind, detail))?;
            // A page without new tags ends a list that was in doubt.
            let doubted = in_doubt.filter(|_| listing.len() > count);
            rest = next.is_none();
            let Some(next) = next.or(doubted) else {
                return Ok(listing.finish());
            };
            answer = self.ask(request::page(next, &self.repository)).await?;
        }
    }

    async fn resolve(&mut self, tag: &Tag) -> Result<Digest, RegistryError> {
        let answer = self.ask(request::manifest_head(&self.host.base, &self.repository, tag)).await?;
        let head_unknown = answer.status.as_u16() == 405;
        if !head_unknown && let Some(digest) = response::digest_header(&self.host.name, &answer)? {
            return Ok(digest);
        }
        let answer = self.ask(request::manifest(&self.host.base, &self.repository, tag.as_str())).await?;
        response::digest_of_manifest(&self.host.name, &answer)
    }

    async fn describe(&mut self, tag: &Tag, known: &Known) -> Result<ImageMetadata, RegistryError> {
        if known.expects(&self.repository, tag)
            && let Some(image) = known.get(&self.resolve(tag).await?)
        {
            return Ok(image);
        }
        let manifest = self.manifest(tag.as_str(), None).await?;
        if let Some(image) = known.get(&manifest.digest) {
            return Ok(image);
        }
        let image = match &manifest.content {
            Content::Image { config, size } => Some((config.clone(), *size)),
            Content::Index { first: None, .. } => None,
            Content::Index { first: Some(first), .. } => {
                match self.manifest(first.as_str(), Some(first)).await?.content {
                    Content::Image { config, size } => Some((config, size)),
                    Content::Index { .. } => {
                        let detail = "an index inside of an index, which is not followed".to_owned();
                        return Err(error(&self.host.name, RegistryErrorKind::Malformed, detail));
                    }
                }
            }
        };
        let image = match image {
            Some((digest, size)) => {
                let answer = self.ask(request::config(&self.host.base, &self.repository, &digest)).await?;
                Some((metadata::config(&self.host.name, &answer, &digest)?, size))
            }
            None => None,
        };
        let image = metadata::joined(manifest, image);
        known.remember(&image);
        Ok(image)
    }

    async fn manifest(&mut self, reference: &str, wanted: Option<&Digest>) -> Result<Manifest, RegistryError> {
        let answer = self.ask(request::manifest(&self.host.base, &self.repository, reference)).await?;
        metadata::manifest(&self.host.name, &answer, wanted)
    }

    /// Sends the request with what the host wants to see, and learns what that is where it is not known.
    pub(super) async fn ask(&mut self, request: Request) -> Result<Answer, RegistryError> {
        let host = Arc::clone(&self.host);
        let mut alone = host.go_first().await;
        let mut round = 1;
        loop {
            let pass = self.pass_or_nothing(&request.url).await?;
            let mut sent = request.clone();
            sent.authorization = pass.header();
            self.used.extend(pass.header());
            let answer = self.http.send(sent).await.map_err(|failed| unanswered(&host.name, failed))?;
            let ours = answer.url.origin() == host.base.origin();
            let again = match answer.status.as_u16() {
                401 if ours => self.learn(&answer, &pass).await? || (pass.is_our_own() && self.renew().await),
                403 | 404 if ours => self.question(&pass).await?,
                _ => false,
            };
            if !again || round == ROUNDS {
                return Ok(hide_used(answer, &self.used));
            }
            drop(alone.take());
            round += 1;
        }
    }

    /// A refusal names the login it was made with, or why there was none; nothing repeats what was sent.
    pub(super) fn explain(&self, mut error: RegistryError) -> RegistryError {
        use RegistryErrorKind::{Forbidden, NotFound, Unauthorized};
        let refused = matches!(error.kind, Unauthorized | Forbidden);
        // A refusal that came before anybody looked for a login may still be one that a login would have met.
        let looked_up = self.login.choice.clone();
        let choice = looked_up.unwrap_or_else(|| self.keyring.all(&self.place()).into_iter().next());
        let with = match (choice, &self.login.outcome) {
            (Some(choice), Some(Outcome::Failed(why))) if refused || error.kind == NotFound => {
                format!("no login from {}: {why}", choice.source)
            }
            (Some(choice), Some(Outcome::Nothing)) if refused => format!("{} knows no login for it", choice.source),
            (Some(choice), _) if refused => format!("the login comes from {}", choice.source),
            (None, _) if refused => "no login is configured for it".to_owned(),
            _ => String::new(),
        };
        let trouble = self.keyring.trouble().filter(|_| refused).unwrap_or_default();
        let said = [error.detail, with, trouble];
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        error.detail = hide_secrets(&said.join("; "), secrets(&self.used));
        error
    }
}

/// No answer came: the transport's reason in the port's words.
pub(super) fn unanswered(host: &str, failed: http::Error) -> RegistryError {
    use RegistryErrorKind::*;
    let kind = match failed.kind {
        http::ErrorKind::Unreachable | http::ErrorKind::Misconfigured => Unreachable,
        http::ErrorKind::TimedOut => TimedOut,
        http::ErrorKind::TooLarge => TooLarge,
        http::ErrorKind::Redirect => Malformed,
        http::ErrorKind::Paused => RateLimited { retry_after: None },
    };
    error(host, kind, failed.detail)
}

/// The answer with everything that was sent hidden in its body, so that a refusal that echoes a password can be quoted.
/// Answers that are no refusals are not quoted and stay as they are.
pub(super) fn hide_used(mut answer: Answer, used: &[Secret]) -> Answer {
    if !answer.status.is_success() && !used.is_empty() && !answer.body.is_empty() {
        let text = String::from_utf8_lossy(&answer.body);
        answer.body = hide_secrets(&text, secrets(used)).into();
    }
    answer
}

/// Every form in which a header's secret can be echoed: with its scheme taken off, and a password decoded.
fn secrets(used: &[Secret]) -> Vec<String> {
    let mut forms = Vec::new();
    for header in used {
        let value = header.expose().split_once(' ').map_or(header.expose(), |(_, value)| value);
        forms.push(value.to_owned());
        let decoded = STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((_, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
            forms.push(password.to_owned());
        }
    }
    forms
}
