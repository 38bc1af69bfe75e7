//! One question to one registry: ask, meet the challenge, turn the page, until there is a whole answer or a reason.
//!
//! What is asked and what an answer means is decided by pure functions ([`super::request`], [`super::response`]); this file
//! sends, and decides what goes with a request:
//! - credentials and tokens go to the registry's own origin and to the token service it named, nowhere else;
//! - whatever was sent is hidden in what comes back before anybody reads it.

use super::credentials::Found;
use super::host::{self, Host, Scheme};
use super::known::Known;
use super::listing::Listing;
use super::metadata::{self, Content, Manifest};
use super::refusal::error;
use super::response::{self, header_values};
use super::token::{Held, Key, Tokens};
use super::{challenge, paging, request};
use crate::http::{self, Answer, Request, hide_secrets};
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{Login, RegistryError, RegistryErrorKind, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How often one request is sent at most: without credentials, with a token that was kept, with a new one.
const ROUNDS: usize = 3;

#[derive(Debug)]
pub(crate) struct Conversation<'a> {
    pub(super) http: &'a http::Client,
    pub(super) tokens: &'a Tokens,
    pub(super) found: Found<'a>,
    /// How long the further pages of a list may take together.
    pub(super) patience: Duration,
    pub(super) repository: Repository,
    pub(super) host: Arc<Host>,
    /// What was sent so far and must not be repeated.
    pub(super) used: Vec<Secret>,
}

/// What goes with a request.
#[derive(Debug)]
enum Pass {
    Nothing,
    /// The login itself: it is right or wrong for good.
    Login(Secret),
    /// A token, which may have expired.
    Token {
        header: Secret,
        key: Key,
        held: Held,
    },
}

impl Pass {
    fn header(&self) -> Option<Secret> {
        match self {
            Pass::Nothing => None,
            Pass::Login(header) | Pass::Token { header, .. } => Some(header.clone()),
        }
    }
}

impl<'a> Conversation<'a> {
    /// Every tag, page after page.
    pub(crate) async fn tags(mut self) -> Result<Vec<String>, RegistryError> {
        let listed = self.list().await;
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
        let mut first = self.ask(self.first_page(Some(paging::PAGE_SIZE))).await?;
        if matches!(first.status.as_u16(), 400 | 405) {
            // Some registries refuse a page size that they do not like rather than ignore it.
            first = self.ask(self.first_page(None)).await?;
        }
        let patience = self.patience;
        match tokio::time::timeout(patience, self.list_from(first)).await {
            Ok(listed) => listed,
            Err(_) => {
                let detail = format!("the list was not whole after {} s", patience.as_secs());
                Err(error(&self.host.name, RegistryErrorKind::TimedOut, detail))
            }
        }
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
        let config = match &manifest.content {
            Content::Image { config } => Some(config.clone()),
            Content::Index { first: None, .. } => None,
            Content::Index { first: Some(first), .. } => {
                match self.manifest(first.as_str(), Some(first)).await?.content {
                    Content::Image { config } => Some(config),
                    Content::Index { .. } => {
                        let detail = "an index inside of an index, which is not followed".to_owned();
                        return Err(error(&self.host.name, RegistryErrorKind::Malformed, detail));
                    }
                }
            }
        };
        let config = match config {
            Some(digest) => {
                let answer = self.ask(request::config(&self.host.base, &self.repository, &digest)).await?;
                Some(metadata::config(&self.host.name, &answer, &digest)?)
            }
            None => None,
        };
        let image = metadata::joined(manifest, config);
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
            let pass = self.pass(&request.url).await?;
            let mut sent = request.clone();
            sent.authorization = pass.header();
            self.used.extend(pass.header());
            let answer = self.http.send(sent).await.map_err(|failed| unanswered(&host.name, failed))?;
            let ours = answer.url.origin() == host.base.origin();
            let again = match answer.status.as_u16() {
                401 if ours => self.learn(&answer, &pass)?,
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

    /// Some registries tell a stranger that a private repository does not exist rather than ask who he is. Where a login is
    /// configured and was not asked for, the host is asked once how it lets people in.
    async fn question(&self, pass: &Pass) -> Result<bool, RegistryError> {
        let has_login = matches!(self.found, Found::Login { .. });
        if !has_login || !matches!(pass, Pass::Nothing) {
            return Ok(false);
        }
        let asking = async || {
            let asked = self.http.send(request::version(&self.host.base)).await;
            let answer = asked.map_err(|failed| unanswered(&self.host.name, failed))?;
            Ok(answer.status.as_u16() == 401 && self.learn(&answer, pass)?)
        };
        self.host.lets_in.get_or_try_init(asking).await.copied()
    }

    /// What the host wants to see, as far as it is known and we have it.
    async fn pass(&mut self, url: &Url) -> Result<Pass, RegistryError> {
        if url.origin() != self.host.base.origin() {
            return Ok(Pass::Nothing);
        }
        let login = match self.found {
            Found::Login { index, login, .. } => Some((index, login)),
            Found::Nothing | Found::Unusable { .. } => None,
        };
        match (self.host.scheme(), login) {
            // Without a login Basic cannot be met, but other repositories of the host may be open to all.
            (Scheme::Open, _) | (Scheme::Basic, None) => Ok(Pass::Nothing),
            (_, Some((_, login))) if login.user.is_none() => Ok(Pass::Login(bearer(&login.secret))),
            (Scheme::Basic, Some((_, login))) => Ok(Pass::Login(basic(login))),
            (Scheme::Bearer { realm, service }, login) => self.token(realm, service, login).await,
        }
    }

    async fn token(
        &mut self,
        realm: Url,
        service: Option<String>,
        login: Option<(usize, &Login)>,
    ) -> Result<Pass, RegistryError> {
        let scope = request::pull_scope(&self.repository);
        let mut asked = request::token(&realm, service.as_deref(), &scope);
        asked.authorization = login.map(|(_, login)| basic(login));
        self.used.extend(asked.authorization.clone());
        let key = Key { realm: realm.into(), service, scope, login: login.map(|(index, _)| index) };
        let fetch = || fetch_token(self.http.clone(), asked, self.host.name.clone());
        let held = self.tokens.get(key.clone(), fetch).await?;
        let header = bearer(&held.secret);
        Ok(Pass::Token { header, key, held })
    }

    /// Reads the challenge of a 401 and says whether asking again can help.
    fn learn(&self, answer: &Answer, pass: &Pass) -> Result<bool, RegistryError> {
        let challenges = challenge::parse(header_values(answer, "www-authenticate"));
        let scheme = match (host::choose(&challenges, &self.host.base), pass) {
            (Ok(scheme), _) => scheme,
            // Without any challenge, what the refusal itself says is the better reason once a login was sent.
            (Err(_), Pass::Login(_) | Pass::Token { .. }) if challenges.is_empty() => return Ok(false),
            (Err(refused), _) => return Err(error(&self.host.name, RegistryErrorKind::Unauthorized, refused)),
        };
        let changed = scheme != self.host.scheme();
        let can_be_met = scheme != Scheme::Basic || matches!(self.found, Found::Login { .. });
        self.host.learn(scheme);
        Ok(match pass {
            Pass::Nothing => can_be_met,
            Pass::Token { key, held, .. } if !held.fresh => {
                self.tokens.forget(key, held);
                true
            }
            Pass::Token { .. } | Pass::Login(_) => changed,
        })
    }

    /// A refusal names the login it was made with, or why there was none; nothing repeats what was sent.
    pub(super) fn explain(&self, mut error: RegistryError) -> RegistryError {
        use RegistryErrorKind::{Forbidden, NotFound, Unauthorized};
        let with = match (self.found, &error.kind) {
            (Found::Unusable { why, source }, Unauthorized | Forbidden | NotFound) => {
                format!("{source} names a login, but {why}")
            }
            (Found::Nothing, Unauthorized | Forbidden) => "no login is configured for it".to_owned(),
            (Found::Login { source, .. }, Unauthorized | Forbidden) => format!("the login comes from {source}"),
            _ => String::new(),
        };
        let said = [error.detail, with];
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        error.detail = hide_secrets(&said.join("; "), secrets(&self.used));
        error
    }
}

/// Asks the token service. The future owns what it needs: whoever waits for the same token may finish it.
async fn fetch_token(http: http::Client, asked: Request, registry: String) -> Result<response::Token, RegistryError> {
    let used: Vec<Secret> = asked.authorization.iter().cloned().collect();
    let service = http::authority(&asked.url);
    let answer = http.send(asked).await.map_err(|failed| {
        let failed = http::Error { detail: format!("token service {service}: {}", failed.detail), ..failed };
        unanswered(&registry, failed)
    })?;
    response::token(&registry, &hide_used(answer, &used))
}

/// No answer came: the transport's reason in the port's words.
fn unanswered(host: &str, failed: http::Error) -> RegistryError {
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
fn hide_used(mut answer: Answer, used: &[Secret]) -> Answer {
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

fn basic(login: &Login) -> Secret {
    let user = login.user.as_deref().unwrap_or_default();
    let pair = format!("{user}:{}", login.secret.expose());
    Secret::new(format!("Basic {}", STANDARD.encode(pair)))
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}
