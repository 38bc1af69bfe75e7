//! Bearer tokens: what one is for, and where those that may still be good are kept.

use super::kept::Kept;
use crate::port::{RegistryError, Secret};

/// What a token is for. Two logins never share one, nor do two registries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    /// Whom it is shown to. Another registry may name the same token service, and must not come by our token so.
    pub(crate) registry: String,
    pub(crate) realm: String,
    pub(crate) service: Option<String>,
    /// `None` asks for a token that proves the login and opens nothing.
    pub(crate) scope: Option<String>,
    /// Which login, by its number in the keyring; `None` is anonymous.
    pub(crate) login: Option<u64>,
}

/// Every token that may still be good.
pub(crate) type Tokens = Kept<Key, Secret, RegistryError>;
