//! The writing half of Git's protocol (gitprotocol-pack(5), "Pushing Data To a Server"): a receive-pack client.
//!
//! The old value in each command is the compare-and-swap: the server changes the ref only where it still has that value.
//! There is no negotiation, because the sender knows exactly which objects are new. What is sent and what is answered are
//! made by pure functions (and read by [`super::report`]); [`push`] moves the bytes.

use super::fault::{lasting, one_line};
use super::report::{Outcome, Report};
use super::transport::{AGENT, Conversation, Failed, Refusal, Server};
use super::upload::target;
use crate::port::RepoError;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::protocol::transport::Service;
use gix::protocol::transport::client::{Capabilities, MessageKind, WriteMode};
use std::io::{self, Read as _, Write as _};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

/// The most lines that are kept of what a server says.
const MAX_MESSAGES: usize = 100;
/// The biggest report that is read, in bytes.
const MAX_REPORT: u64 = 1 << 20;

/// One ref to change. `old` `None` is a ref that must not exist yet, `new` `None` one that is to go.
#[derive(Debug, Clone)]
pub(super) struct RefUpdate {
    pub(super) name: String,
    pub(super) old: Option<ObjectId>,
    pub(super) new: Option<ObjectId>,
}

/// A push without an answer. When `sent`, the server may have done it all the same.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) sent: bool,
    pub(super) error: RepoError,
}

/// Sends the pack and changes the refs, all of them or none. What is told of it holds no credentials.
pub(super) fn push(
    server: &Server,
    updates: &[RefUpdate],
    pack: &[u8],
    hash: gix::hash::Kind,
) -> Result<Outcome, Unanswered> {
    let hide = |words: Vec<String>| words.iter().map(|line| server.hide(line)).collect();
    match send(server, updates, pack, hash) {
        Ok(Outcome::Updated { messages }) => Ok(Outcome::Updated { messages: hide(messages) }),
        Ok(Outcome::Refused { reason, messages }) => {
            Ok(Outcome::Refused { reason: server.hide(&reason), messages: hide(messages) })
        }
        Ok(Outcome::LostRace { reason }) => Ok(Outcome::LostRace { reason: server.hide(&reason) }),
        Ok(other @ (Outcome::Moved { .. } | Outcome::NotTogether)) => Ok(other),
        Err(broken) => Err(Unanswered { error: server.hide_in(broken.error), ..broken }),
    }
}

fn send(server: &Server, updates: &[RefUpdate], pack: &[u8], hash: gix::hash::Kind) -> Result<Outcome, Unanswered> {
    let unsent = |error| Unanswered { sent: false, error };
    let mut with = match server.begin(Service::ReceivePack) {
        Ok(with) => with,
        Err(failed) => return refused(failed, false),
    };
    let advertised = with.handshake.refs.take().unwrap_or_default();
    for update in updates {
        let found = advertised.iter().find_map(|found| target(found, &update.name));
        if found != update.old {
            drop(gix::protocol::indicate_end_of_interaction(&mut *with.wire, false));
            return Ok(Outcome::Moved { found });
        }
    }
    if updates.len() > 1 && !with.handshake.capabilities.contains("atomic") {
        drop(gix::protocol::indicate_end_of_interaction(&mut *with.wire, false));
        return Ok(Outcome::NotTogether);
    }
    let capabilities = capabilities(&with.handshake.capabilities, updates, hash).map_err(unsent)?;
    let sideband = capabilities.iter().any(|capability| capability == "side-band-64k");
    let lines = command_lines(updates, &capabilities, hash);
    // "A pack file MUST NOT be sent if the only command used is delete."
    let pack = if updates.iter().all(|update| update.new.is_none()) { &[][..] } else { pack };
    match exchange(&mut with, &lines, pack, sideband) {
        Ok((report, messages)) => {
            let report = Report::parse(&report).map_err(|error| Unanswered { sent: true, error })?;
            Ok(report.outcome(updates.len(), messages))
        }
        Err(error) => refused(with.explain(server, &gix::Error::from_error(error)), true),
    }
}

/// A refusal is an answer; a server that hung up after it got the pack has given none, whatever it said.
fn refused(failed: Failed, sent: bool) -> Result<Outcome, Unanswered> {
    let answered = match failed.refusal {
        Refusal::ByStatus => true,
        Refusal::InWords => !sent,
        Refusal::No => false,
    };
    if answered {
        return Ok(Outcome::Refused {
            reason: failed.error.message,
            messages: failed.error.hint.into_iter().collect(),
        });
    }
    Err(Unanswered { sent, error: failed.error })
}

/// What we ask of the server, out of what it offers.
fn capabilities(
    offered: &Capabilities,
    updates: &[RefUpdate],
    hash: gix::hash::Kind,
) -> Result<Vec<String>, RepoError> {
    let mut asked = Vec::new();
    let report = ["report-status-v2", "report-status"];
    match report.into_iter().find(|name| offered.contains(name)) {
        Some(name) => asked.push(name.to_owned()),
        None => {
            return Err(lasting("the server does not say what becomes of a push (no report-status)"));
        }
    }
    if offered.contains("side-band-64k") {
        asked.push("side-band-64k".to_owned());
    }
    if updates.iter().any(|update| update.new.is_none()) {
        if !offered.contains("delete-refs") {
            return Err(lasting("the server lets no branch be deleted (no delete-refs)"));
        }
        asked.push("delete-refs".to_owned());
    }
    if updates.len() > 1 {
        if !offered.contains("atomic") {
            return Err(lasting("the server cannot change several refs at once (no atomic)"));
        }
        asked.push("atomic".to_owned());
    }
    match offered.capability("object-format").and_then(|format| format.value().map(ToString::to_string)) {
        Some(format) if format == hash.to_string() => asked.push(format!("object-format={format}")),
        None if hash == gix::hash::Kind::Sha1 => {}
        other => {
            let named = other.unwrap_or_else(|| "sha1".to_owned());
            return Err(lasting(format!("the server's objects are named by {named}, ours by {hash}")));
        }
    }
    if offered.contains("agent") {
        asked.push(format!("agent={AGENT}"));
    }
    Ok(asked)
}

/// `OLD NEW NAME`, the first line with the capabilities behind a NUL.
fn command_lines(updates: &[RefUpdate], capabilities: &[String], hash: gix::hash::Kind) -> Vec<Vec<u8>> {
    let line = |(at, update): (usize, &RefUpdate)| {
        let [old, new] = [update.old, update.new].map(|id| id.unwrap_or_else(|| hash.null()));
        let mut line = format!("{old} {new} {}", update.name);
        if at == 0 {
            line.push('\0');
            line.push_str(&capabilities.join(" "));
        }
        line.into_bytes()
    };
    updates.iter().enumerate().map(line).collect()
}

/// Sends commands and pack, and returns the report and what the server said to people.
fn exchange(
    with: &mut Conversation,
    lines: &[Vec<u8>],
    pack: &[u8],
    sideband: bool,
) -> io::Result<(Vec<u8>, Vec<String>)> {
    // In this mode the HTTP transport sends a length instead of chunks, which some proxies want.
    let mode = WriteMode::OneLfTerminatedLinePerWriteCall;
    let mut writer = with.wire.request(mode, MessageKind::Flush, false).map_err(io::Error::other)?;
    for line in lines {
        writer.write_all(line)?;
    }
    writer.write_message(MessageKind::Flush)?;
    let (mut raw, mut answer) = writer.into_parts();
    raw.write_all(pack)?;
    raw.flush()?;
    // The HTTP transport sends the request when its writer is gone.
    drop(raw);

    let said = Arc::new(Mutex::new(Vec::new()));
    let mut report = Vec::new();
    if sideband {
        let hears = Arc::clone(&said);
        answer.set_progress_handler(Some(Box::new(move |_, text| {
            hear(&mut hears.lock().unwrap_or_else(PoisonError::into_inner), text);
            ControlFlow::Continue(())
        })));
        answer.by_ref().take(MAX_REPORT).read_to_end(&mut report)?;
    } else {
        let mut line = String::new();
        while answer.readline_str(&mut line)? != 0 && (report.len() as u64) < MAX_REPORT {
            report.extend_from_slice(format!("{:04x}{line}", line.len() + 4).as_bytes());
            line.clear();
        }
    }
    drop(answer);
    let said = std::mem::take(&mut *said.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((report, said))
}

/// Keeps readable lines, up to the limit.
fn hear(messages: &mut Vec<String>, text: &[u8]) {
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = one_line(&line.to_str_lossy());
        if !line.is_empty() && messages.len() < MAX_MESSAGES {
            messages.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: gix::hash::Kind = gix::hash::Kind::Sha1;

    fn id(digit: char) -> ObjectId {
        ObjectId::from_hex(digit.to_string().repeat(40).as_bytes()).unwrap()
    }

    fn offered(text: &str) -> Capabilities {
        Capabilities::from_bytes(format!("\0{text}").as_bytes()).unwrap().0
    }

    #[test]
    fn commands_name_old_and_new_and_the_first_one_the_capabilities() {
        let updates = [
            RefUpdate { name: "refs/heads/main".to_owned(), old: Some(id('1')), new: Some(id('2')) },
            RefUpdate { name: "refs/landwaiter/ledger".to_owned(), old: None, new: Some(id('3')) },
        ];
        let lines = command_lines(&updates, &["report-status".to_owned(), "atomic".to_owned()], HASH);
        let text = |line: &[u8]| String::from_utf8(line.to_vec()).unwrap();
        assert_eq!(text(&lines[0]), format!("{} {} refs/heads/main\0report-status atomic", id('1'), id('2')));
        assert_eq!(text(&lines[1]), format!("{} {} refs/landwaiter/ledger", HASH.null(), id('3')));
    }

    #[test]
    fn only_what_is_offered_is_asked_for() {
        let all = "report-status report-status-v2 side-band-64k atomic ofs-delta object-format=sha1 agent=git/2";
        let update = |new| RefUpdate { name: "refs/heads/x".to_owned(), old: Some(id('1')), new };
        let several = |count| vec![update(Some(id('2'))); count];
        let agent = format!("agent={AGENT}");
        for (offer, updates, asked) in [
            (all, 1, vec!["report-status-v2", "side-band-64k", "object-format=sha1", &agent]),
            (all, 2, vec!["report-status-v2", "side-band-64k", "atomic", "object-format=sha1", &agent]),
            ("report-status", 1, vec!["report-status"]),
        ] {
            assert_eq!(capabilities(&offered(offer), &several(updates), HASH).unwrap(), asked, "{offer}");
        }
        for (offer, updates, hash) in [
            ("side-band-64k", 1, HASH),
            ("report-status", 2, HASH),
            ("report-status", 1, gix::hash::Kind::Sha256),
            ("report-status object-format=sha256", 1, HASH),
        ] {
            assert!(capabilities(&offered(offer), &several(updates), hash).is_err(), "{offer}");
        }
        let asked = |offer| capabilities(&offered(offer), &[update(None)], HASH);
        assert_eq!(asked("report-status delete-refs").unwrap(), ["report-status", "delete-refs"]);
        assert!(asked("report-status").is_err());
    }

    #[test]
    fn what_a_server_says_is_kept_line_by_line_up_to_a_limit() {
        let mut messages = Vec::new();
        hear(&mut messages, b"error: \x1b[31mno\r\n\nsecond");
        assert_eq!(messages, ["error: [31mno", "second"]);
        hear(&mut messages, "x\n".repeat(2 * MAX_MESSAGES).as_bytes());
        assert_eq!(messages.len(), MAX_MESSAGES);
    }
}
