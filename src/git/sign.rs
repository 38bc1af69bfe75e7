//! Signatures of commits, made in process: by an SSH key (SSHSIG, as `ssh-keygen -Y sign -n git` makes them) or an OpenPGP
//! key. `git verify-commit` accepts both.
//!
//! A key is read and its passphrase tried once, when the repository is opened: a key that cannot sign stops the run before
//! anything is planned. A signature never leaves a commit unsigned by accident: where signing fails, nothing is written.

#[cfg(not(feature = "openpgp"))]
use super::fault::Hint;
use super::fault::lasting;
use super::ssh;
use crate::port::{RepoError, Secret};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::{HashAlg, LineEnding};
use std::fmt;

/// What OpenSSH calls a signature's purpose; that of Git's is fixed.
const NAMESPACE: &str = "git";

/// Whose signature commits carry.
pub struct Signer(Key);

enum Key {
    Ssh(Box<PrivateKey>),
    #[cfg(feature = "openpgp")]
    OpenPgp(Box<openpgp::Key>),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(•••)")
    }
}

impl Signer {
    /// Reads the text of a private key: OpenSSH's format, or an armored OpenPGP key.
    ///
    /// # Errors
    /// Says what is wrong with the key, never what is in it.
    pub fn read(text: &Secret, passphrase: Option<&Secret>) -> Result<Signer, RepoError> {
        if text.expose().contains("BEGIN PGP PRIVATE KEY BLOCK") {
            return open_pgp(text, passphrase);
        }
        Ok(Signer(Key::Ssh(Box::new(ssh::signing_key(text.expose(), passphrase.map(Secret::expose))?))))
    }

    /// The signature over the bytes of a commit, armored.
    pub(super) fn sign(&self, commit: &[u8]) -> Result<String, RepoError> {
        match &self.0 {
            Key::Ssh(key) => {
                let signature = key.sign(NAMESPACE, HashAlg::Sha512, commit);
                let armored = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
                armored.map_err(|error| lasting(format!("the commit cannot be signed with the SSH key: {error}")))
            }
            #[cfg(feature = "openpgp")]
            Key::OpenPgp(key) => key.sign(commit),
        }
    }
}

#[cfg(feature = "openpgp")]
fn open_pgp(text: &Secret, passphrase: Option<&Secret>) -> Result<Signer, RepoError> {
    openpgp::Key::read(text, passphrase).map(|key| Signer(Key::OpenPgp(Box::new(key))))
}

#[cfg(not(feature = "openpgp"))]
fn open_pgp(_: &Secret, _: Option<&Secret>) -> Result<Signer, RepoError> {
    Err(lasting("the signing key is an OpenPGP key, and this build was made without the feature `openpgp`")
        .hint("sign with an SSH key, or build with the default features"))
}

#[cfg(feature = "openpgp")]
mod openpgp {
    use super::super::fault::{Hint, lasting, one_line};
    use crate::port::{RepoError, Secret};
    use pgp::composed::{ArmorOptions, Deserializable as _, DetachedSignature, SignedSecretKey, SignedSecretSubKey};
    use pgp::crypto::hash::HashAlgorithm;
    use pgp::crypto::public_key::PublicKeyAlgorithm;
    use pgp::types::{KeyDetails as _, Password};
    use rand::rngs::OsRng;

    fn is_rsa(algorithm: PublicKeyAlgorithm) -> bool {
        matches!(algorithm, PublicKeyAlgorithm::RSA | PublicKeyAlgorithm::RSASign | PublicKeyAlgorithm::RSAEncrypt)
    }

    /// An OpenPGP key and the password that opens it.
    pub(super) struct Key {
        key: SignedSecretKey,
        password: Password,
    }

    impl Key {
        pub(super) fn read(text: &Secret, passphrase: Option<&Secret>) -> Result<Key, RepoError> {
            let unusable = |error: pgp::errors::Error| {
                lasting(format!("the OpenPGP key cannot be used: {}", one_line(&error.to_string())))
                    .hint("write it with: gpg --export-secret-keys --armor KEY-ID")
            };
            let (key, _) = SignedSecretKey::from_string(text.expose()).map_err(unusable)?;
            key.verify_bindings().map_err(unusable)?;
            let password = passphrase.map_or_else(Password::empty, |phrase| phrase.expose().into());
            let key = Key { key, password };
            key.sign(b"").map(|_| key)
        }

        /// With the newest subkey that may sign, else with the primary key: what `gpg` does. Never with RSA: the one
        /// implementation there is takes a time that depends on the key (RUSTSEC-2023-0071).
        pub(super) fn sign(&self, data: &[u8]) -> Result<String, RepoError> {
            let may_sign = |key: &&SignedSecretSubKey| {
                !is_rsa(key.key.algorithm()) && key.signatures.iter().any(|s| s.key_flags().sign())
            };
            let subkey = self.key.secret_subkeys.iter().filter(may_sign).max_by_key(|key| key.key.created_at());
            let signed = match subkey {
                Some(subkey) => self.with(&subkey.key, data),
                None if is_rsa(self.key.primary_key.algorithm()) => {
                    return Err(lasting("the OpenPGP key can sign with RSA only, which this build does not do")
                        .hint("add a subkey that signs: gpg --quick-add-key FINGERPRINT ed25519 sign"));
                }
                None => self.with(&self.key.primary_key, data),
            };
            let armored = signed.and_then(|signature| {
                signature.to_armored_string(ArmorOptions { headers: None, include_checksum: true })
            });
            armored.map_err(|error| {
                lasting(format!("the commit cannot be signed with the OpenPGP key: {}", one_line(&error.to_string())))
                    .hint("is its passphrase given, and is it the right one? (`commit.signing`)")
            })
        }

        fn with(&self, key: &impl pgp::types::SigningKey, data: &[u8]) -> pgp::errors::Result<DetachedSignature> {
            DetachedSignature::sign_binary_data(OsRng, key, &self.password, HashAlgorithm::Sha512, data)
        }
    }
}
