//! Why can it not read this registry? Asks one step after the other and keeps what came of each, for a person to read.
//!
//! The steps are those of every look-up (reach the host, be known to it, read a list), one request each, with nothing hidden
//! in between: the first that fails is the reason. What to do about it is for the command line to say.

use super::client::Client;
use super::conversation::{Conversation, unanswered};
use super::credentials::{Gives, Proof};
use super::host::{self, Scheme};
use super::keyring::{Choice, Outcome};
use super::passes::Pass;
use super::refusal::error;
use super::response::{self, header_values};
use super::{challenge, mirrors, request};
use crate::http;
use crate::image::Repository;
use crate::port::{RegistryError, RegistryErrorKind};

/// What is checked: a registry, or a repository in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// In canonical spelling, as [`Repository::host`].
    Host(String),
    Repository(Repository),
}

impl Subject {
    pub fn host(&self) -> &str {
        match self {
            Subject::Host(host) => host,
            Subject::Repository(repository) => repository.host(),
        }
    }

    fn place(&self) -> &str {
        match self {
            Subject::Host(host) => host,
            Subject::Repository(repository) => repository.as_str(),
        }
    }
}

/// What was found out.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Where the registry is asked.
    pub address: String,
    pub credentials: Found,
    /// Sources with an entry that another outranks.
    pub outranked: Vec<String>,
    pub reach: Result<Greeting, RegistryError>,
    /// `None`: not tried, because the registry was not reached.
    pub login: Option<Result<LoggedIn, RegistryError>>,
    /// `None`: not tried, because a step before failed or no repository was named.
    pub list: Option<Result<Listed, RegistryError>>,
}

/// Which login there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No source has an entry.
    None,
    Login {
        source: String,
        kind: LoginKind,
    },
    /// There is an entry, and whoever it names knows no login.
    Nothing {
        source: String,
    },
    /// There is an entry, and no login could be had.
    Failed {
        source: String,
        why: String,
    },
}

/// What kind of login it is; never the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginKind {
    Password { user: String },
    Token,
    IdentityToken,
}

/// How the registry lets people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Greeting {
    /// It asks for nothing.
    Open,
    Password,
    /// The host of the token service.
    Token {
        service: String,
    },
}

/// What became of being known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedIn {
    /// The registry does not ask.
    NotAsked,
    /// It asks, and there is no login: it may still show what is public.
    Anonymous,
    /// It took the password or the token as it is.
    Taken,
    /// It is known only with the list whether the registry takes it.
    Unproven,
    /// The token service gave a token.
    Token { anonymous: bool },
}

/// One page of tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub tags: usize,
    /// Further pages follow.
    pub more: bool,
}

impl Client {
    /// The names to check instead, of a registry that the operator's mirrors keep from ever being asked itself.
    pub fn only_mirrors(&self, subject: &Subject) -> Option<Vec<String>> {
        mirrors::only(&self.mirrors, subject.place())
    }

    /// Takes the steps until one fails, at the host that is named: mirrors are checked by their own names.
    pub async fn check(&self, subject: &Subject) -> Result<Checked, RegistryError> {
        let bad = |why: &dyn std::fmt::Display| {
            error(subject.host(), RegistryErrorKind::Unreachable, format!("no address: {why}"))
        };
        let probe = match subject {
            Subject::Repository(repository) => repository.clone(),
            // Only its host counts: nothing below is asked for.
            Subject::Host(host) => Repository::parse(&format!("{host}/any/any")).map_err(|why| bad(&why))?,
        };
        let mut conversation = self.conversation(probe.clone())?;
        if matches!(subject, Subject::Host(_)) {
            conversation.scope = None;
        }
        let (credentials, outranked) = self.looked_up(subject, &mut conversation).await;
        let reach = greet(&conversation).await;
        let (mut login, mut list) = (None, None);
        if reach.is_ok() {
            let logged_in = conversation.log_in().await;
            if logged_in.is_ok() && matches!(subject, Subject::Repository(_)) {
                let listed = conversation.one_page().await;
                list = Some(listed.map_err(|failed| conversation.explain(failed)));
            }
            login = Some(logged_in.map_err(|failed| conversation.explain(failed)));
        }
        let address = conversation.host.base.to_string();
        Ok(Checked { address, credentials, outranked, reach, login, list })
    }

    /// The login that counts, and the sources that it outranks.
    async fn looked_up(&self, subject: &Subject, conversation: &mut Conversation<'_>) -> (Found, Vec<String>) {
        let mut outranked: Vec<String> =
            self.keyring().all(subject.place()).into_iter().skip(1).map(|other| other.source).collect();
        let choice = conversation.choice().await;
        if let Some(choice) = &choice {
            outranked.retain(|source| *source != choice.source);
        }
        outranked.dedup();
        let outcome = conversation.outcome().await;
        (found(choice, outcome), outranked)
    }
}

fn found(choice: Option<Choice>, outcome: Outcome) -> Found {
    let Some(Choice { source, gives, .. }) = choice else {
        return Found::None;
    };
    match outcome {
        Outcome::Nothing => Found::Nothing { source },
        Outcome::Failed(why) => Found::Failed { source, why },
        Outcome::Proof(proof) => {
            let kind = match proof {
                Proof::Password { user, .. } => LoginKind::Password { user },
                Proof::Token(_) => LoginKind::Token,
                // What a cloud gives instead of a password needs no name of its own.
                Proof::Identity(_) if matches!(gives, Gives::Cloud(_)) => LoginKind::Token,
                Proof::Identity(_) => LoginKind::IdentityToken,
            };
            Found::Login { source, kind }
        }
    }
}

/// Asks `/v2/` as a stranger: the answer that matters is whether it is a registry and how it lets people in.
async fn greet(conversation: &Conversation<'_>) -> Result<Greeting, RegistryError> {
    let host = &conversation.host;
    let answer = conversation.http.send(request::version(&host.base)).await;
    let answer = answer.map_err(|failed| unanswered(&host.name, failed))?;
    let greeting = match answer.status.as_u16() {
        200 => Scheme::Open,
        401 => {
            let challenges = challenge::parse(header_values(&answer, "www-authenticate"));
            let refused = |why| error(&host.name, RegistryErrorKind::Unauthorized, why);
            host::choose(&challenges, &host.base).map_err(refused)?
        }
        404 => {
            let detail = "nothing speaks the registry API at this address".to_owned();
            return Err(error(&host.name, RegistryErrorKind::Malformed, detail));
        }
        _ => return super::refusal::check_status(&host.name, &answer).map(|()| Greeting::Open),
    };
    host.learn(greeting.clone());
    Ok(match greeting {
        Scheme::Open => Greeting::Open,
        Scheme::Basic => Greeting::Password,
        Scheme::Bearer { realm, .. } => Greeting::Token { service: http::authority(&realm) },
    })
}

impl Conversation<'_> {
    /// Gets a token, or shows the password where that costs nothing but a request.
    async fn log_in(&mut self) -> Result<LoggedIn, RegistryError> {
        let base = self.host.base.clone();
        let pass = self.pass_or_renew(&base).await?;
        match pass {
            Pass::Nothing if self.host.scheme() == Scheme::Open => Ok(LoggedIn::NotAsked),
            // Nobody is let in without a password; what a repository says to strangers is still worth a question.
            Pass::Nothing if self.scope.is_none() => {
                Err(error(&self.host.name, RegistryErrorKind::Unauthorized, String::new()))
            }
            Pass::Nothing => Ok(LoggedIn::Anonymous),
            Pass::Token { key, .. } => Ok(LoggedIn::Token { anonymous: key.login.is_none() }),
            Pass::Login(_) if self.scope.is_some() => Ok(LoggedIn::Unproven),
            Pass::Login(_) => {
                let answer = self.ask(request::version(&base)).await?;
                super::refusal::check_status(&self.host.name, &answer).map(|()| LoggedIn::Taken)
            }
        }
    }

    async fn one_page(&mut self) -> Result<Listed, RegistryError> {
        let first = self.first_answer().await?;
        let page = response::page(&self.repository, &first)?;
        Ok(Listed { tags: page.tags.len(), more: page.next.is_some() })
    }
}
