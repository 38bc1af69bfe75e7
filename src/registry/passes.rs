//! What goes with a request: nothing, the login itself, or a token, as the host wants it and as far as we have it.
//!
//! A login goes to the registry's own origin and to the token service it named; the identity of a cloud to token services
//! of that cloud only. A refusal of a login leads to one look whether it was replaced meanwhile.

use super::conversation::{Conversation, hide_used, unanswered};
use super::credentials::{Gives, Proof};
use super::host::{self, Scheme};
use super::kept::{Fresh, Held};
use super::keyring::{Choice, Outcome};
use super::refusal::error;
use super::response::{self, header_values};
use super::token::Key;
use super::{challenge, request};
use crate::http::{self, Answer, Request};
use crate::port::{RegistryError, RegistryErrorKind, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::Arc;
use url::Url;

/// Where this conversation stands with the login for its repository.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The entry that counts, once it was looked for.
    pub(super) choice: Option<Option<Choice>>,
    /// What came of it, once somebody wanted to know.
    pub(super) outcome: Option<Outcome>,
    /// A refused login is read anew once.
    renewed: bool,
    /// How the registry asked us for this repository. Until it did, what it wanted for another one is tried.
    asked_for: Option<Scheme>,
    /// What the last pass was made for.
    made_for: Option<Scheme>,
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

impl Conversation<'_> {
    /// The entry that counts for the repository.
    pub(super) async fn choice(&mut self) -> Option<Choice> {
        if self.login.choice.is_none() {
            self.login.choice = Some(self.keyring.find(&self.place()).await);
        }
        self.login.choice.clone().flatten()
    }

    /// What is looked up: the repository, or the host alone where no repository is meant.
    pub(super) fn place(&self) -> String {
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

    pub(super) async fn proof(&mut self) -> Option<Proof> {
        match self.outcome().await {
            Outcome::Proof(proof) => Some(proof),
            Outcome::Nothing | Outcome::Failed(_) => None,
        }
    }

    /// Looks once whether a refused login has been replaced by another.
    pub(super) async fn renew(&mut self) -> bool {
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
    pub(super) async fn question(&mut self, pass: &Pass) -> Result<bool, RegistryError> {
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

    /// What the host wants to see, as far as anybody knows. A registry may have a token service for each repository, and that
    /// of another one need not know us: then the registry is asked without, and says which is ours.
    pub(super) async fn pass_or_nothing(&mut self, url: &Url) -> Result<Pass, RegistryError> {
        match self.pass_or_renew(url).await {
            Err(_) if self.login.asked_for.is_none() && url.origin() == self.host.base.origin() => Ok(Pass::Nothing),
            pass => pass,
        }
    }

    /// What the host wants to see. The token service may refuse the login as well as the registry.
    pub(super) async fn pass_or_renew(&mut self, url: &Url) -> Result<Pass, RegistryError> {
        match self.pass(url).await {
            Err(refused) if unauthorized(&refused) && self.renew().await => self.pass(url).await,
            pass => pass,
        }
    }

    /// What the host wants to see, as far as it is known and we have it.
    async fn pass(&mut self, url: &Url) -> Result<Pass, RegistryError> {
        if url.origin() != self.host.base.origin() {
            return Ok(Pass::Nothing);
        }
        let scheme = self.login.asked_for.clone().unwrap_or_else(|| self.host.scheme());
        self.login.made_for = Some(scheme.clone());
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
        if let Some(why) = choice.as_ref().and_then(|choice| may_not_know(&choice.gives, &realm)) {
            return Err(error(&self.host.name, RegistryErrorKind::Unauthorized, why));
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
        let key = Key {
            registry: self.host.name.clone(),
            realm: realm.into(),
            service,
            scope: self.scope.clone(),
            login: choice.map(|choice| choice.number),
        };
        let used = self.used.clone();
        let fetch = || fetch_token(self.http.clone(), asked, used, self.host.name.clone());
        let held = self.tokens.get(key.clone(), fetch).await?;
        let header = bearer(&held.value);
        Ok(Pass::Token { header, key, held })
    }

    /// Reads the challenge of a 401 and says whether asking again can help.
    pub(super) async fn learn(&mut self, answer: &Answer, pass: &Pass) -> Result<bool, RegistryError> {
        let challenges = challenge::parse(header_values(answer, "www-authenticate"));
        let scheme = match (host::choose(&challenges, &self.host.base), pass) {
            (Ok(scheme), _) => scheme,
            // Without any challenge, what the refusal itself says is the better reason once a login was sent.
            (Err(_), Pass::Login(_) | Pass::Token { .. }) if challenges.is_empty() => return Ok(false),
            (Err(refused), _) => return Err(error(&self.host.name, RegistryErrorKind::Unauthorized, refused)),
        };
        let changed = self.login.made_for.as_ref() != Some(&scheme);
        let basic = scheme == Scheme::Basic;
        self.host.learn(scheme.clone());
        self.login.asked_for = Some(scheme);
        Ok(match pass {
            Pass::Nothing => !basic || self.proof().await.is_some(),
            Pass::Token { key, held, .. } if !held.fresh => {
                self.tokens.forget(key, |kept| *kept == held.value);
                true
            }
            Pass::Token { .. } | Pass::Login(_) => changed,
        })
    }
}

impl Pass {
    /// It was made from the login just now, so that a refusal of it is one of the login.
    pub(super) fn is_our_own(&self) -> bool {
        match self {
            Pass::Nothing => false,
            Pass::Login(_) => true,
            Pass::Token { key, held, .. } => held.fresh && key.login.is_some(),
        }
    }
}

/// Why the token service is not told who we are, if it is not: an identity of a cloud opens more than one registry, so it
/// goes to the cloud only, whatever a challenge says.
fn may_not_know(gives: &Gives, realm: &Url) -> Option<String> {
    let Gives::Cloud(cloud) = gives else {
        return None;
    };
    let theirs =
        realm.scheme() == "https" && realm.port().is_none() && cloud.owns(realm.host_str().unwrap_or_default());
    (!theirs).then(|| {
        format!(
            "its token service {} is none of {}, so it is not told who we are",
            http::authority(realm),
            cloud.name()
        )
    })
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

fn basic(user: &str, password: &Secret) -> Secret {
    Secret::new(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose()))))
}

fn bearer(token: &Secret) -> Secret {
    Secret::new(format!("Bearer {}", token.expose()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::cloud::Cloud;

    #[test]
    fn an_identity_of_a_cloud_goes_to_that_cloud_only() {
        let azure = Gives::Cloud(Cloud::Azure);
        let password = Gives::Proof(Proof::Token(Secret::new("x")));
        for (gives, realm, told) in [
            (&azure, "https://acme.azurecr.io/oauth2/token", true),
            (&azure, "https://auth.example.com/token", false),
            (&azure, "https://acme.azurecr.io.example.com/token", false),
            (&azure, "https://gcr.io/v2/token", false),
            (&azure, "http://acme.azurecr.io/oauth2/token", false),
            (&azure, "https://acme.azurecr.io:8443/oauth2/token", false),
            (&password, "https://auth.example.com/token", true),
        ] {
            assert_eq!(may_not_know(gives, &realm.parse().unwrap()).is_none(), told, "{realm}");
        }
    }
}
