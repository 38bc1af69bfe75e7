//! Credential helpers: the programs `docker-credential-NAME` that keep logins, spoken to as `docker-credential-helpers`
//! documents it: `get`, the server on stdin, JSON on stdout, or a sentence and a status other than 0.
//!
//! Rules: only a name of a safe alphabet becomes a program, and only one that stands in a folder of `PATH`; it has a time
//! limit; what it prints is bounded and is shown only where it is no answer, without anything that could be a secret.
#![expect(clippy::disallowed_methods, reason = "a credential helper is a program that somebody has to start")]

use super::credentials::Proof;
use crate::http::clean;
use crate::port::Secret;
use serde::Deserialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

/// How long one call may take: helpers of clouds ask their cloud first.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of an answer; the passwords of clouds have some kilobytes.
pub const MAX_HELPER_ANSWER: usize = 64 * 1024;
/// The most bytes of complaints that are looked at.
const MAX_COMPLAINT: usize = 4 * 1024;
/// The longest name of a helper.
const MAX_NAME: usize = 64;
/// A word of a complaint that is longer than this may be a secret and is not repeated.
const LONGEST_WORD: usize = 24;

/// What Docker Hub is called where Docker keeps logins.
pub(crate) const DOCKER_HUB_SERVER: &str = "https://index.docker.io/v1/";
/// The user that marks an identity token.
pub(crate) const IDENTITY_USER: &str = "<token>";
/// What a helper says when it knows no login for the server.
const KNOWS_NONE: &str = "credentials not found in native keychain";

/// The `NAME` of `docker-credential-NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HelperName(String);

/// What stands where the name of a helper belongs. It is not repeated: it may be a whole command line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it names a credential helper that is no name: letters, digits, `-`, `_` and `.`, at most {MAX_NAME}")]
pub struct InvalidHelperName;

impl HelperName {
    /// Letters, digits, `-`, `_` and `.`, not at the beginning: nothing that a path or a shell could read otherwise.
    pub fn parse(text: &str) -> Result<HelperName, InvalidHelperName> {
        let safe = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || text.len() > MAX_NAME || !text.bytes().all(safe) {
            return Err(InvalidHelperName);
        }
        Ok(HelperName(text.to_owned()))
    }

    pub(crate) fn program(&self) -> String {
        format!("docker-credential-{}", self.0)
    }
}

/// Asks the helper for the login at `server`; `None` when it knows none. `path` is the machine's `PATH`; the error is for
/// people.
pub(crate) async fn get(name: &HelperName, server: &str, path: Option<&OsStr>) -> Result<Option<Proof>, String> {
    let program = find(name, path).ok_or_else(|| format!("{} is not found on PATH", name.program()))?;
    let said = match tokio::time::timeout(HELPER_TIMEOUT, run(&program, server)).await {
        Ok(said) => said.map_err(|error| format!("{} cannot be run: {error}", name.program()))?,
        Err(_) => return Err(format!("{} did not answer within {} s", name.program(), HELPER_TIMEOUT.as_secs())),
    };
    read(&said).map_err(|why| format!("{} {why}", name.program()))
}

/// Only absolute folders: an empty or relative part of `PATH` would be wherever the program happens to be started, which
/// may be a checkout of a stranger's files.
fn find(name: &HelperName, path: Option<&OsStr>) -> Option<PathBuf> {
    let folders = std::env::split_paths(path?).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name.program())).find(|file| file.is_file())
}

/// What a helper printed, and whether it says that it succeeded.
#[derive(Debug)]
struct Said {
    success: bool,
    answer: Vec<u8>,
    complaint: Vec<u8>,
}

async fn run(program: &Path, server: &str) -> std::io::Result<Said> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // One that does not read what it is asked may have its reasons; what it answers is judged all the same.
        let written = stdin.write_all(format!("{server}\n").as_bytes()).await;
        written.or_else(|error| if error.kind() == std::io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })?;
    }
    let (answer, complaint) = (child.stdout.take(), child.stderr.take());
    let (answer, complaint) = tokio::join!(start_of(answer, MAX_HELPER_ANSWER + 1), start_of(complaint, MAX_COMPLAINT));
    let status = child.wait().await?;
    Ok(Said { success: status.success(), answer: answer?, complaint: complaint? })
}

/// The first `limit` bytes; what comes after them is read and dropped, so that nobody waits for a full pipe.
async fn start_of(stream: Option<impl AsyncRead + Unpin>, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stream) = stream {
        (&mut stream).take(limit as u64).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await?;
    }
    Ok(kept)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

fn read(said: &Said) -> Result<Option<Proof>, String> {
    if !said.success {
        let complaint = [&said.answer, &said.complaint].map(|text| String::from_utf8_lossy(text).into_owned());
        if complaint.iter().any(|text| text.contains(KNOWS_NONE)) {
            return Ok(None);
        }
        let words = complaint.iter().map(|text| harmless(text)).find(|text| !text.is_empty());
        return Err(words.map_or_else(|| "failed and does not say why".to_owned(), |words| format!("failed: {words}")));
    }
    if said.answer.len() > MAX_HELPER_ANSWER {
        return Err(format!("answered with more than {MAX_HELPER_ANSWER} bytes"));
    }
    let answer: Answer =
        serde_json::from_slice(&said.answer).map_err(|_| "answered with something that is no login".to_owned())?;
    match (answer.username.as_str(), answer.secret.is_empty()) {
        // Some helpers say so instead of the sentence.
        ("", true) => Ok(None),
        ("", false) => Err("answered with a password without a user".to_owned()),
        (_, true) => Err("answered with a user without a password".to_owned()),
        (IDENTITY_USER, false) => Ok(Some(Proof::Identity(Secret::new(answer.secret)))),
        _ => Ok(Some(Proof::Password { user: answer.username, password: Secret::new(answer.secret) })),
    }
}

/// The complaint without what looks like data: JSON and words that nobody would say.
fn harmless(text: &str) -> String {
    if text.contains(['{', '}']) {
        return String::new();
    }
    let words = text.split_whitespace().map(|word| if word.chars().count() > LONGEST_WORD { "•••" } else { word });
    clean(&words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_name_becomes_a_program() {
        for name in ["desktop", "ecr-login", "gcr_2", "a.b", "0"] {
            assert_eq!(HelperName::parse(name).unwrap().program(), format!("docker-credential-{name}"));
        }
        let longest = "x".repeat(MAX_NAME);
        assert!(HelperName::parse(&longest).is_ok());
        let too_long = format!("{longest}x");
        for name in ["", "../x", "a/b", "a b", "-a", ".a", "a;b", "a\n", "a$b", "ü", "a\\b", &too_long] {
            assert!(HelperName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_helper_is_looked_for_in_whole_folders_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("docker-credential-x"), "").unwrap();
        let name = HelperName::parse("x").unwrap();
        let path = std::env::join_paths(["/nowhere".into(), folder.path().to_owned()]).unwrap();
        assert_eq!(find(&name, Some(&path)).unwrap(), folder.path().join("docker-credential-x"));
        assert_eq!(find(&HelperName::parse("y").unwrap(), Some(&path)), None);
        assert_eq!(find(&name, None), None);
        // The same folder by a way that starts where the program was started.
        let here = std::env::current_dir().unwrap();
        let up: PathBuf = here.ancestors().skip(1).map(|_| "..").collect();
        let relative = up.join(folder.path().strip_prefix("/").unwrap());
        assert!(relative.join("docker-credential-x").is_file(), "{relative:?}");
        assert_eq!(find(&name, Some(relative.as_os_str())), None);
    }

    fn said(success: bool, answer: &str, complaint: &str) -> Said {
        Said { success, answer: answer.into(), complaint: complaint.into() }
    }

    #[test]
    fn what_helpers_say() {
        let password = Proof::Password { user: "joe".to_owned(), password: Secret::new("hunter2") };
        let full = r#"{"ServerURL":"ghcr.io","Username":"joe","Secret":"hunter2"}"#;
        assert_eq!(read(&said(true, full, "a warning")), Ok(Some(password)));
        let token = r#"{"Username":"<token>","Secret":"hunter2"}"#;
        assert_eq!(read(&said(true, token, "")), Ok(Some(Proof::Identity(Secret::new("hunter2")))));
        assert_eq!(read(&said(false, "credentials not found in native keychain\n", "")), Ok(None));
        assert_eq!(read(&said(false, "", "Error: credentials not found in native keychain")), Ok(None));
        assert_eq!(read(&said(true, r#"{"Username":"","Secret":""}"#, "")), Ok(None));
        for (success, answer, complaint, expected) in [
            (true, "", "", "answered with something that is no login"),
            (true, "hunter2", "", "answered with something that is no login"),
            (true, r#"{"Username":"","Secret":"hunter2"}"#, "", "answered with a password without a user"),
            (true, r#"{"Username":"joe","Secret":""}"#, "", "answered with a user without a password"),
            (false, "", "", "failed and does not say why"),
            (false, "no\tbasic \u{1b}auth", "", "failed: no basic auth"),
            (false, full, "", "failed and does not say why"),
            (false, full, "keychain is locked", "failed: keychain is locked"),
            (false, "token aGVsbG8gdGhpcyBpcyBhIHNlY3JldA== expired", "", "failed: token ••• expired"),
        ] {
            let error = read(&said(success, answer, complaint)).unwrap_err();
            assert_eq!(error, expected, "{answer} {complaint}");
        }
    }

    #[test]
    fn an_answer_is_bounded() {
        let padded = |size: usize| {
            let start = r#"{"Username":"joe","Secret":"x"}"#;
            said(true, &format!("{start}{}", " ".repeat(size - start.len())), "")
        };
        assert!(read(&padded(MAX_HELPER_ANSWER)).is_ok());
        assert!(read(&padded(MAX_HELPER_ANSWER + 1)).unwrap_err().contains("more than"));
    }
}
