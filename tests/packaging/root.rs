//! An empty root: a folder with nothing in it but what a test puts there, in which the binary runs as nobody in particular.
//!
//! It runs as user and group 65532 with no privilege to gain (`no_new_privs`), without `/proc`, `/dev` and `/tmp`, and may write to its
//! state directory only: everything else belongs to root, and is mounted read-only where this machine lets us mount.

use crate::ours;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whom the image says it runs as.
pub(crate) const USER: u32 = 65_532;
/// Where it may write, in the image and in the manifests.
pub(crate) const STATE: &str = "var/lib/landwaiter";

/// Enters the folder `$1`, keeps what may be written in `$2`, and becomes the user `$3` to run the rest.
const ENTER: &str = r#"
root=$1 state=$2 user=$3
shift 3
mount --bind "$root" "$root"
mount --bind "$root/$state" "$root/$state"
mount -o remount,bind,ro "$root"
exec setpriv --no-new-privs chroot --userspec="$user:$user" --groups= "$root" "$@"
"#;

/// The static binary, if it was built. With `LANDWAITER_REAL_SERVERS=1` it must be there.
#[expect(clippy::print_stdout, reason = "a skipped test says so where test output is read")]
pub(crate) fn static_binary() -> Option<PathBuf> {
    let built = std::env::var_os("LANDWAITER_STATIC")
        .map_or_else(|| ours("target/x86_64-unknown-linux-musl/release/landwaiter"), PathBuf::from);
    if !built.is_file() {
        let demanded = std::env::var_os("LANDWAITER_REAL_SERVERS").is_some_and(|value| value == "1");
        let how = "cargo build --release --target x86_64-unknown-linux-musl";
        assert!(!demanded, "{} was not built: {how}", built.display());
        println!("skipped: the static binary was not built: {how}");
        return None;
    }
    Some(built)
}

/// Whether this machine lets its user change roots. As for programs, a complete run must.
#[expect(clippy::print_stdout, reason = "a skipped test says so where test output is read")]
pub(crate) fn may_enter() -> bool {
    let may = Command::new("chroot").args(["/", "true"]).output().is_ok_and(|output| output.status.success());
    if !may {
        let demanded = std::env::var_os("LANDWAITER_REAL_SERVERS").is_some_and(|value| value == "1");
        assert!(!demanded, "only root may change roots");
        println!("skipped: only root may change roots");
    }
    may
}

/// Whether it also lets it mount.
fn may_mount() -> bool {
    Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success())
}

/// A folder that is taken for `/`.
#[derive(Debug)]
pub(crate) struct Root {
    folder: PathBuf,
}

impl Root {
    /// Takes the folder as it is.
    pub(crate) fn of(folder: &Path) -> Root {
        Root { folder: folder.to_owned() }
    }

    /// Makes a folder that holds the binary and the state directory.
    pub(crate) fn make(folder: &Path, binary: &Path) -> Root {
        fs::create_dir_all(folder.join(STATE)).unwrap();
        fs::copy(binary, folder.join("landwaiter")).unwrap();
        std::os::unix::fs::chown(folder.join(STATE), Some(USER), Some(USER)).unwrap();
        Root::of(folder)
    }

    /// A file in it, which everybody may read: what an orchestrator mounts.
    pub(crate) fn mount(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The binary in it, with an empty environment but for what the image sets.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let root = self.folder.to_string_lossy().into_owned();
        let user = USER.to_string();
        let mut command = if may_mount() {
            let mut command = Command::new("unshare");
            command.args(["--mount", "--propagation", "private", "sh", "-ec", ENTER, "enter", &root, STATE, &user]);
            command
        } else {
            let mut command = Command::new("setpriv");
            command.args(["--no-new-privs", "chroot", &format!("--userspec={user}:{user}"), "--groups=", &root]);
            command
        };
        command.arg("/landwaiter").args(arguments).current_dir("/").env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LANDWAITER_STATE_DIR", format!("/{STATE}"));
        command
    }

    /// Every file and folder outside the state directory, from `/`.
    pub(crate) fn listing(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![self.folder.clone()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.strip_prefix(&self.folder).unwrap().to_string_lossy().into_owned();
                if path.is_dir() && name != STATE {
                    open.push(path);
                }
                found.push(format!("/{name}"));
            }
        }
        found.sort();
        found
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join(STATE)
    }
}
