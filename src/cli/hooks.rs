//! Receivers of webhooks, made from the settings and the files that they name. These files, and that of the page's token, are read
//! with the settings, and again when one of them changes: in a cluster nobody can send HUP.

use super::diagnose::Failure;
use super::machine::{self, read_text};
use super::{Exit, OperatorArguments};
use crate::config::settings::{ProofSettings, ReceiverSettings, SecretSource, Settings};
use crate::port::Secret;
use crate::service::Receiver;
use crate::webhook::{Lock, Unfit};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Every receiver that the settings name, with its secret.
pub(super) fn receivers(settings: &Settings) -> Result<Vec<Arc<Receiver>>, Failure> {
    let all = settings.webhooks.iter().flat_map(|webhooks| &webhooks.receivers);
    all.map(|one| receiver(one).map(Arc::new)).collect()
}

fn receiver(settings: &ReceiverSettings) -> Result<Receiver, Failure> {
    let mut lock = Lock::open(settings.kind);
    if let Some(file) = &settings.path_file {
        lock = lock.at_path(&secret(file)?).map_err(|unfit| refused(file, unfit))?;
    }
    lock = match &settings.proof {
        Some(ProofSettings::Signature(file)) => lock.signed(&secret(file)?).map_err(|unfit| refused(file, unfit))?,
        Some(ProofSettings::Token(file)) => lock.with_token(&secret(file)?).map_err(|unfit| refused(file, unfit))?,
        None => lock,
    };
    Ok(Receiver {
        name: settings.name.clone(),
        kind: settings.kind,
        lock,
        registry: settings.registry.clone(),
        url: settings.url.clone(),
        rate: settings.rate,
        open: settings.is_open(),
    })
}

fn secret(file: &Path) -> Result<Secret, Failure> {
    machine::secret(&SecretSource::File(file.to_owned()))
}

fn refused(file: &Path, unfit: Unfit) -> Failure {
    Failure::new(Exit::Rejected, format!("the secret of a webhook in {} is not used: {unfit}", file.display()))
        .hint("`openssl rand -hex 32` makes one that will do")
}

/// Tells whether settings, or what opens the listeners that they name, are others than before.
#[derive(Default)]
pub(super) struct Stamp {
    /// The text of the settings that was looked at last, and the files that it names.
    known: Mutex<Option<(String, Vec<PathBuf>)>>,
}

impl Stamp {
    /// A number that is another one when anything of it is.
    pub(super) fn now(&self, operator: &OperatorArguments) -> u64 {
        let mut hasher = DefaultHasher::new();
        let text = machine::settings_text(operator);
        text.hash(&mut hasher);
        for file in text.map(|text| self.files(text, operator)).unwrap_or_default() {
            read_text(&file, "a secret").ok().hash(&mut hasher);
        }
        hasher.finish()
    }

    fn files(&self, text: String, operator: &OperatorArguments) -> Vec<PathBuf> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, files)) = known.as_ref().filter(|(seen, _)| *seen == text) {
            return files.clone();
        }
        // Settings that cannot be read name nothing; they are refused when they are loaded.
        let files: Vec<PathBuf> = machine::read_settings(operator).map(|settings| named(&settings)).unwrap_or_default();
        *known = Some((text, files.clone()));
        files
    }
}

/// The files whose content lets somebody in.
fn named(settings: &Settings) -> Vec<PathBuf> {
    let receivers = settings.webhooks.iter().flat_map(|webhooks| &webhooks.receivers);
    let token = settings.service.page.as_ref().and_then(|page| page.token.as_ref());
    let token = token.and_then(|token| match token {
        SecretSource::File(file) => Some(file),
        SecretSource::Env(_) => None,
    });
    receivers.flat_map(ReceiverSettings::files).chain(token).cloned().collect()
}
