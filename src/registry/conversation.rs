//! One question to one registry: ask, meet the challenge, turn the page, until there is a whole answer or a reason.
//!
//! What is asked and what an answer means is decided by pure functions ([`super::request`], [`super::response`]); this file
//! sends, and decides what goes with a request:
//! - credentials and tokens go to the registry's own origin and to the token service it named, nowhere else;
//! - whatever was sent is hidden in what comes back before anybody reads it.

use super::credentials::{Gives, Proof};
use super::host::{self, Host, Scheme};
use super::kept::{Fresh, Held};
use super::keyring::{Choice, Keyring, Outcome};
use super::known::Known;
use super::listing::Listing;
use super::metadata::{self, Content, Manifest};
use super::refusal::error;
use super::response::{self, header_values};
use super::token::{Key, Tokens};
use super::{challenge, request};
use crate::http::{self, Answer, Request, hide_secrets};
use crate::image::{Digest, ImageMetadata, Repository, Tag};
use crate::port::{RegistryError, RegistryErrorKind, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

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
    pub(super) repository: &'a Repository,
    /// What tokens are asked for; `None` asks for one that opens nothing.
    pub(super) scope: Option<String>,
    pub(super) host: Arc<Host>,
    /// What was sent so far and must not be repeated.
    pub(super) used: Vec<Secret>,
}

/// Where this conversation stands with the login for its repository.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The entry that counts, once it was looked for.
    choice: Option<Option<Choice>>,
    /// What came of it, once somebody wanted to know.
    outcome: Option<Outcome>,
    /// A refused login is read anew once.
    renewed: bool,
}

/// What goes with a request.
#[derive(Debug)]
pub(super) enum Pass {
    Nothing,
    /// The login itself: it is right or wrong for good.
    Login(Secret),
    /// A token, which may have expired.
    Token {
        header: Secret,
        key: Key,
        held: Held<Secret>,
    },
}

impl Pass {
    pub(super) fn header(&self) -> Option<Secret> {
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
        let mut first = self.ask(self.first_page(Some(request::PAGE_SIZE))).await?;
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
        request::tags(&self.host.base, self.repository, size)
    }

    async fn list_from(&mut self, mut answer: Answer) -> Result<Vec<String>, RegistryError> {
        let mut listing = Listing::new();
        loop {
            let page = response::page(self.repository, &answer)?;
            let address = answer.url;
            // The body has been read; nobody keeps it while the next page is on its way.
            drop(answer.body);
            match listing.add(&address, page) {
                Ok(Some(next)) => answer = self.ask(request::page(next)).await?,
                Ok(None) => return Ok(listing.finish()),
                Err((kind, detail)) => return Err(error(&self.host.name, kind, detail)),
            }
        }
    }

    async fn resolve(&mut self, tag: &Tag) -> Result<Digest, RegistryError> {
        let answer = self.ask(request::manifest_head(&self.host.base, self.repository, tag)).await?;
        let head_unknown = answer.status.as_u16() == 405;
        if !head_unknown && let Some(digest) = response::digest_header(&self.host.name, &answer)? {
            return Ok(digest);
        }
        let answer = self.ask(request::manifest(&self.host.base, self.repository, tag.as_str())).await?;
        response::digest_of_manifest(&self.host.name, &answer)
    }

    async fn describe(&mut self, tag: &Tag, known: &Known) -> Result<ImageMetadata, RegistryError> {
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
                let answer = self.ask(request::config(&self.host.base, self.repository, &digest)).await?;
                Some(metadata::config(&self.host.name, &answer, &digest)?)
            }
            None => None,
        };
        let image = metadata::joined(manifest, config);
        known.remember(&image);
        Ok(image)
    }

    async fn manifest(&mut self, reference: &str, wanted: Option<&Digest>) -> Result<Manifest, RegistryError> {
        let answer = self.ask(request::manifest(&self.host.base, self.repository, reference)).await?;
        metadata::manifest(&self.host.name, &answer, wanted)
    }

    /// Sends the request with what the host wants to see, and learns what that is where it is not known.
    pub(super) async fn ask(&mut self, request: Request) -> Result<Answer, RegistryError> {
        let host = Arc::clone(&self.host);
        let mut alone = host.go_first().await;
        let mut round = 1;
        loop {
            let pass = match self.pass(&request.url).await {
                // The token service may refuse the login as well.
                Err(refused) if unauthorized(&refused) && round < ROUNDS && self.renew().await => {
                    round += 1;
                    continue;
                }
                pass => pass?,
            };
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

    /// The entry that counts for the repository.
    pub(super) async fn choice(&mut self) -> Option<Choice> {
        if self.login.choice.is_none() {
            self.login.choice = Some(self.keyring.find(&self.place()).await);
        }
        self.login.choice.clone().flatten()
    }

    /// What is looked up: the repository, or the host alone where no repository is meant.
    fn place(&self) -> String {
        if self.scope.is_some() { self.repository.as_str().to_owned() } else { self.host.name.clone() }
    }

    /// What comes of the entry that counts; helpers and clouds are asked now.
    pub(super) async fn outcome(&mut self) -> Outcome {
        let Some(choice) = self.choice().await else {
            return Outcome::Nothing;
        };
        let outcome = match self.login.outcome.take() {
            Some(outcome) => outcome,
            None => self.keyring.login(&choice).await,
        };
        self.login.outcome = Some(outcome.clone());
        outcome
    }

    async fn proof(&mut self) -> Option<Proof> {
        match self.outcome().await {
            Outcome::Proof(proof) => Some(proof),
            Outcome::Nothing | Outcome::Failed(_) => None,
        }
    }

    /// Looks once whether a refused login has been replaced by another.
    async fn renew(&mut self) -> bool {
        if std::mem::replace(&mut self.login.renewed, true) {
            return false;
        }
        let (Some(choice), Some(Outcome::Proof(refused))) = (self.choice().await, self.login.outcome.clone()) else {
            return false;
        };
        match self.keyring.renewed(&self.place(), &choice, &refused).await {
            Some((choice, proof)) => {
                self.login.choice = Some(Some(choice));
                self.login.outcome = Some(Outcome::Proof(proof));
                true
            }
            None => false,
        }
    }

    /// Some registries tell a stranger that a private repository does not exist rather than ask who he is. Where a login is
    /// configured and was not asked for, the host is asked once how it lets people in.
    async fn question(&mut self, pass: &Pass) -> Result<bool, RegistryError> {
        if !matches!(pass, Pass::Nothing) || self.proof().await.is_none() {
            return Ok(false);
        }
        let host = Arc::clone(&self.host);
        let asking = async || {
            let asked = self.http.send(request::version(&host.base)).await;
            let answer = asked.map_err(|failed| unanswered(&host.name, failed))?;
            Ok(answer.status.as_u16() == 401 && self.learn(&answer, pass).await?)
        };
        host.lets_in.get_or_try_init(asking).await.copied()
    }

    /// What the host wants to see, as far as it is known and we have it.
    pub(super) async fn pass(&mut self, url: &Url) -> Result<Pass, RegistryError> {
        if url.origin() != self.host.base.origin() {
            return Ok(Pass::Nothing);
        }
        let scheme = self.host.scheme();
        if scheme == Scheme::Open {
            return Ok(Pass::Nothing);
        }
        match (scheme, self.proof().await) {
            (Scheme::Open, _) => Ok(Pass::Nothing),
            // Without a login Basic cannot be met, but other repositories of the host may be open to all.
            (Scheme::Basic, None) => Ok(Pass::Nothing),
            (_, Some(Proof::Token(token))) => Ok(Pass::Login(bearer(&token))),
            (Scheme::Basic, Some(Proof::Password { user, password })) => Ok(Pass::Login(basic(&user, &password))),
            (Scheme::Basic, Some(Proof::Identity(_))) => {
                let detail = "an identity token is taken by a token service only, and it names none".to_owned();
                Err(error(&self.host.name, RegistryErrorKind::Unauthorized, detail))
            }
            (Scheme::Bearer { realm, service }, proof) => self.token(realm, service, proof).await,
        }
    }

    async fn token(
        &mut self,
        realm: Url,
        service: Option<String>,
        proof: Option<Proof>,
    ) -> Result<Pass, RegistryError> {
        let choice = self.choice().await.filter(|_| proof.is_some());
        // An identity of a cloud opens more than one registry: it goes to the cloud only, whatever a challenge says.
        if let Some(Choice { gives: Gives::Cloud(cloud), .. }) = &choice
            && !cloud.owns(realm.host_str().unwrap_or_default())
        {
            let (realm, cloud) = (http::authority(&realm), cloud.name());
            let detail = format!("its token service {realm} is none of {cloud}, so it is not told who we are");
            return Err(error(&self.host.name, RegistryErrorKind::Unauthorized, detail));
        }
        let asked = match &proof {
            Some(Proof::Identity(identity)) => {
                self.used.push(bearer(identity));
                request::token_grant(&realm, service.as_deref(), self.scope.as_deref(), identity)
            }
            Some(Proof::Password { user, password }) => {
                let mut asked = request::token(&realm, service.as_deref(), self.scope.as_deref());
                asked.authorization = Some(basic(user, password));
                asked
            }
            Some(Proof::Token(_)) | None => request::token(&realm, service.as_deref(), self.scope.as_deref()),
        };
        self.used.extend(asked.authorization.clone());
        let key =
            Key { realm: realm.into(), service, scope: self.scope.clone(), login: choice.map(|choice| choice.number) };
        let used = self.used.clone();
        let fetch = || fetch_token(self.http.clone(), asked, used, self.host.name.clone());
        let held = self.tokens.get(key.clone(), fetch).await?;
        let header = bearer(&held.value);
        Ok(Pass::Token { header, key, held })
    }

    /// Reads the challenge of a 401 and says whether asking again can help.
    async fn learn(&mut self, answer: &Answer, pass: &Pass) -> Result<bool, RegistryError> {
        let challenges = challenge::parse(header_values(answer, "www-authenticate"));
        let scheme = match (host::choose(&challenges, &self.host.base), pass) {
            (Ok(scheme), _) => scheme,
            (Err(refused), Pass::Nothing) => {
                return Err(error(&self.host.name, RegistryErrorKind::Unauthorized, refused));
            }
            (Err(_), _) => return Ok(false),
        };
        let changed = scheme != self.host.scheme();
        let basic = scheme == Scheme::Basic;
        self.host.learn(scheme);
        Ok(match pass {
            Pass::Nothing => !basic || self.proof().await.is_some(),
            Pass::Token { key, held, .. } if !held.fresh => {
                self.tokens.forget(key, |kept| *kept == held.value);
                true
            }
            Pass::Token { .. } | Pass::Login(_) => changed,
        })
    }

    /// A refusal names the login it was made with, or why there was none; nothing repeats what was sent.
    pub(super) fn explain(&self, mut error: RegistryError) -> RegistryError {
        use RegistryErrorKind::{Forbidden, NotFound, Unauthorized};
        let refused = matches!(error.kind, Unauthorized | Forbidden);
        let choice = self.login.choice.as_ref().and_then(Option::as_ref);
        let with = match (choice, &self.login.outcome) {
            (Some(choice), Some(Outcome::Failed(why))) if refused || error.kind == NotFound => {
                format!("{} names a login, but {why}", choice.source)
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

impl Pass {
    /// It was made from the login just now, so that a refusal of it is one of the login.
    fn is_our_own(&self) -> bool {
        match self {
            Pass::Nothing => false,
            Pass::Login(_) => true,
            Pass::Token { key, held, .. } => held.fresh && key.login.is_some(),
        }
    }
}

fn unauthorized(refused: &RegistryError) -> bool {
    matches!(refused.kind, RegistryErrorKind::Unauthorized | RegistryErrorKind::Forbidden)
}

/// Asks the token service. The future owns what it needs: whoever waits for the same token may finish it.
async fn fetch_token(
    http: http::Client,
    asked: Request,
    used: Vec<Secret>,
    registry: String,
) -> Result<Fresh<Secret>, RegistryError> {
    let service = http::authority(&asked.url);
    let answer = http.send(asked).await.map_err(|failed| {
        let failed = http::Error { detail: format!("token service {service}: {}", failed.detail), ..failed };
        unanswered(&registry, failed)
    })?;
    response::token(&registry, &hide_used(answer, &used))
}

/// No answer came: the transport's reason in the port's words.
pub(super) fn unanswered(host: &str, failed: http::Error) -> RegistryError {
    use RegistryErrorKind::*;
    let kind = match failed.kind {
        http::ErrorKind::Unreachable | http::ErrorKind::Misconfigured => Unreachable,
        http::ErrorKind::TimedOut => TimedOut,
        http::ErrorKind::TooLarge => TooLarge,
        http::ErrorKind::Redirect => Malformed,
        http::ErrorKind::Paused(left) => RateLimited { retry_after: Some(left) },
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

fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}
