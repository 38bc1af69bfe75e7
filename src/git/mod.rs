//! Config repositories: where the YAML is read from and written back to. And the histories of source repositories.
//!
//! | file | holds |
//! |---|---|
//! | [`url`] | what a `--repo` text means, without looking at the disk or the network |
//! | [`origin`] | which remote and branch a checkout belongs to (`--push`) |
//! | [`checkout`] | the files of a local checkout as they stand |
//! | [`local`] | a repository on this machine: read at the branch head, written by compare-and-swap on the ref |
//! | [`remote`] | a repository on a server, through a bare cache: fetch what is new, push by compare-and-swap |
//! | [`history`] | the commits of a source repository's branch, without its files |
//! | `past` | what the commits of a config repository's branch say, without their files |
//! | `snapshot`, `commit` | one commit's files; the next commits, made in memory |
//! | `walk`, `listing` | the names in a tree; those of the last look, so that the next one reads what changed |
//! | `branches` | what the branches of pull requests hold |
//! | `ledger` | what the ledger's ref holds, and its next commit |
//! | [`sign`] | their signatures, by an SSH or an OpenPGP key |
//! | `pack`, `upload`, `push`, `report` | objects as one pack; the two halves of Git's protocol |
//! | `transport`, `ssh`, `known_hosts` | how bytes reach a server |
//! | `cache`, `bare`, `claim` | what lies on the disk, and who may write there |
//! | `fault` | how errors of this room are made |
//! | `seed` | a new repository, for the demo |
//!
//! Rules: no `git` or `ssh` program is started, no hook runs, nobody is asked for anything, no configuration of the user
//! or the machine is read. New objects are always complete before a ref names them, so that a kill at any moment leaves
//! the branch at the old or the new commit.
//!
//! ```no_run
//! use landwaiter::git::{self, Location, Options};
//! let location = Location::parse("https://git.example.com/acme/config.git")?;
//! let repo = git::open(&location, Some("main"), &Options::default())?;
//! println!("{} files", repo.snapshot()?.files().len());
//! # Ok::<(), landwaiter::port::RepoError>(())
//! ```

use crate::port::{ConfigRepo, Login, RepoError, Secret};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub mod url;
pub mod origin;
pub mod checkout;
pub mod local;
pub mod remote;
pub mod history;
mod past;
mod snapshot;
mod walk;
mod listing;
mod branches;
mod ledger;
mod commit;
pub mod sign;
mod pack;
mod upload;
mod push;
mod report;
mod transport;
mod ssh;
mod known_hosts;
mod cache;
mod claim;
mod bare;
mod fault;
mod seed;

pub use history::Histories;
pub use origin::origin_of;
pub use seed::seed;
pub use sign::Signer;
pub use url::Location;

/// What a repository is opened with: plain data, read by others from settings and environment.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where caches of remote repositories are kept; `None` is a temporary directory for the life of the repository.
    pub cache_dir: Option<PathBuf>,
    /// For `https://` (and `http://` on loopback).
    pub login: Option<Login>,
    /// For `ssh://` and `git@host:path`.
    pub ssh: Option<Ssh>,
    /// Certificate authorities to trust instead of the machine's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    pub timeouts: Timeouts,
    /// Who signs the commits that are made here.
    pub signer: Option<Arc<Signer>>,
    /// The full name of the ledger's ref; `None` is no ledger.
    pub ledger: Option<String>,
}

/// How to prove who we are to an SSH server, and it to us.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The text of an unencrypted private key, Ed25519 or ECDSA.
    pub private_key: Secret,
    /// The text of a `known_hosts` file.
    pub known_hosts: String,
}

/// How long a server may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands, encryption and login included.
    pub connect: Duration,
    /// Without a byte in either direction.
    pub silence: Duration,
    /// For one whole fetch or push.
    pub whole: Duration,
}

impl Default for Timeouts {
    /// Generous where a server may honestly work: a hook that runs checks, a repack of a big repository.
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(20),
            silence: Duration::from_secs(180),
            whole: Duration::from_secs(1800),
        }
    }
}

/// Opens the repository. Local ones are looked at, remote ones are not contacted before the first snapshot.
///
/// A plain path to a checkout without `branch` is the files as they stand; with `branch` it is that branch in its `.git`.
/// Elsewhere `branch` `None` is the branch that `HEAD` names.
pub fn open(location: &Location, branch: Option<&str>, options: &Options) -> Result<Box<dyn ConfigRepo>, RepoError> {
    if let Some(branch) = branch {
        bare::check_branch_name(branch)?;
    }
    Ok(match location {
        Location::Path(path) if branch.is_none() && !bare::is_bare(path) => {
            Box::new(checkout::Checkout::open(path)?.with_ledger(options.ledger.clone()))
        }
        Location::Path(path) => Box::new(local::Local::open(path, &location.to_string(), branch, options)?),
        Location::File(path) => Box::new(local::Local::open(path, &location.to_string(), branch, options)?),
        Location::Http(_) | Location::Ssh(_) => Box::new(remote::Remote::open(location, branch, options)?),
    })
}

/// Whether `path` is a bare repository rather than a checkout or a plain folder.
pub fn is_bare(path: &std::path::Path) -> bool {
    bare::is_bare(path)
}
