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
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{ChildStderr, Command};

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

/// More was printed than [`MAX_HELPER_ANSWER`].
const TOO_LONG: &str = "it answers without end";

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
/// people and fits after the program's name.
pub(crate) async fn get(name: &HelperName, server: &str, path: Option<&OsStr>) -> Result<Option<Proof>, String> {
    let program = find(name, path).ok_or("it is not found on PATH")?;
    match tokio::time::timeout(HELPER_TIMEOUT, run(&program, server)).await {
        Ok(said) => read(&said.map_err(|error| unusable(&error))?),
        Err(_) => Err(format!("it did not answer within {} s", HELPER_TIMEOUT.as_secs())),
    }
}

fn unusable(error: &std::io::Error) -> String {
    let said = error.to_string();
    if said == TOO_LONG { said } else { format!("it cannot be run: {said}") }
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
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let answered = async {
        let mut answer = Vec::new();
        if let Some(stdout) = stdout {
            stdout.take(MAX_HELPER_ANSWER as u64 + 1).read_to_end(&mut answer).await?;
        }
        // One that does not stop is not waited for; dropping the child ends it.
        if answer.len() > MAX_HELPER_ANSWER { Err(std::io::Error::other(TOO_LONG)) } else { Ok(answer) }
    };
    let (answer, complaint) = tokio::try_join!(answered, complaint(stderr))?;
    let status = child.wait().await?;
    Ok(Said { success: status.success(), answer, complaint })
}

/// The beginning of what it complains; the rest is read and dropped, so that it never waits for a full pipe.
async fn complaint(stderr: Option<ChildStderr>) -> std::io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    if let Some(mut stderr) = stderr {
        (&mut stderr).take(MAX_COMPLAINT as u64).read_to_end(&mut kept).await?;
        tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await?;
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
        return Err(
            words.map_or_else(|| "it failed and does not say why".to_owned(), |words| format!("it failed: {words}"))
        );
    }
    let answer: Answer =
        serde_json::from_slice(&said.answer).map_err(|_| "it answered with something that is no login".to_owned())?;
    match (answer.username.as_str(), answer.secret.is_empty()) {
        // Some helpers say so instead of the sentence.
        ("", true) => Ok(None),
        ("", false) => Err("it answered with a password without a user".to_owned()),
        (_, true) => Err("it answered with a user without a password".to_owned()),
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
            (true, "", "", "it answered with something that is no login"),
            (true, "hunter2", "", "it answered with something that is no login"),
            (true, r#"{"Username":"","Secret":"hunter2"}"#, "", "it answered with a password without a user"),
            (true, r#"{"Username":"joe","Secret":""}"#, "", "it answered with a user without a password"),
            (false, "", "", "it failed and does not say why"),
            (false, "no\tbasic \u{1b}auth", "", "it failed: no basic auth"),
            (false, full, "", "it failed and does not say why"),
            (false, full, "keychain is locked", "it failed: keychain is locked"),
            (false, "token aGVsbG8gdGhpcyBpcyBhIHNlY3JldA== expired", "", "it failed: token ••• expired"),
        ] {
            let error = read(&said(success, answer, complaint)).unwrap_err();
            assert_eq!(error, expected, "{answer} {complaint}");
        }
    }

    /// A helper that is the shell script `body`, written by another process: a file that this one had open for writing
    /// could not be run while a test beside it forks.
    async fn asked(body: &str) -> Result<Option<Proof>, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("docker-credential-x");
        let script = format!("#!/bin/sh\n{body}\n");
        let status = Command::new("sh")
            .args(["-c", r#"printf %s "$1" > "$2"; chmod 755 "$2""#, "sh", &script, file.to_str().unwrap()])
            .status();
        assert!(status.await.unwrap().success());
        let path = std::env::join_paths([folder.path()]).unwrap();
        get(&HelperName::parse("x").unwrap(), "ghcr.io", Some(&path)).await
    }

    #[tokio::test]
    async fn a_helper_is_told_get_and_the_server() {
        let body = r#"read server; printf '{"Username":"%s","Secret":"%s"}' "$1" "$server""#;
        let proof = Proof::Password { user: "get".to_owned(), password: Secret::new("ghcr.io") };
        assert_eq!(asked(body).await, Ok(Some(proof)));
        assert_eq!(asked("echo credentials not found in native keychain; exit 1").await, Ok(None));
        assert_eq!(asked("echo locked >&2; exit 1").await.unwrap_err(), "it failed: locked");
        let name = HelperName::parse("nowhere").unwrap();
        assert_eq!(get(&name, "ghcr.io", None).await.unwrap_err(), "it is not found on PATH");
    }

    #[tokio::test]
    async fn an_answer_is_bounded_and_complaints_are_not_waited_for() {
        let padded = |size: usize| {
            let start = r#"{"Username":"joe","Secret":"x"}"#;
            format!("printf '%s%*s' '{start}' {} ''", size - start.len())
        };
        assert!(asked(&padded(MAX_HELPER_ANSWER)).await.unwrap().is_some());
        for body in [&padded(MAX_HELPER_ANSWER + 1), "exec yes"] {
            assert_eq!(asked(body).await.unwrap_err(), TOO_LONG, "{body}");
        }
        let chatty = r#"head -c 300000 /dev/zero >&2; echo '{"Username":"joe","Secret":"x"}'"#;
        assert!(asked(chatty).await.unwrap().is_some());
    }

    /// With paused time the wait for a program that does nothing is over at once.
    #[tokio::test(start_paused = true)]
    async fn a_helper_that_hangs_is_given_up() {
        assert_eq!(asked("exec sleep 300").await.unwrap_err(), "it did not answer within 30 s");
    }
}
