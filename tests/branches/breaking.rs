//! A server that hangs up: after the pack was sent only the branch can tell what became of it.

use crate::servers::{HTTP_PROGRAMS, HttpServer, available};
use crate::ways::{World, as_writer, plain, push};
use landwaiter::git::{self, Location};
use landwaiter::port::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

const BRANCH: &str = "landwaiter/web-123456";

/// Forwards connections; an answer to a push is swallowed, and the connection closed in its place.
fn deaf(port: u16) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            std::thread::spawn(move || forward(client, port));
        }
    });
    ours
}

fn forward(mut client: TcpStream, port: u16) {
    let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let asked = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&asked);
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = answers.read(&mut buffer) {
            let pushes = heard.lock().unwrap().contains("POST /config.git/git-receive-pack");
            if pushes || to_client.write_all(&buffer[..read]).is_err() {
                break;
            }
        }
        drop(to_client.shutdown(Shutdown::Both));
    });
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        asked.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
        if server.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
}

#[test]
fn a_push_or_deletion_without_an_answer_is_looked_up() {
    if !available(HTTP_PROGRAMS) {
        return;
    }
    let world = World::new();
    let server = HttpServer::start(world.root.path());
    let location = Location::parse(&plain(deaf(server.port))).unwrap();
    let repo = git::open(&location, Some("main"), &as_writer()).unwrap();
    let tip = push(&*repo, BRANCH, None, &[("0.yaml", "one\n")]).unwrap();
    assert_eq!(world.head(BRANCH), Some(tip.0.clone()), "it arrived");
    let next = push(&*repo, BRANCH, Some(&tip), &[("0.yaml", "two\n")]).unwrap();
    assert_eq!(world.head(BRANCH), Some(next.0.clone()));

    world.hook("pre-receive", "exit 1");
    let unanswered = push(&*repo, BRANCH, Some(&next), &[("0.yaml", "three\n")]).unwrap_err();
    assert!(matches!(unanswered, PublishError::Unanswered { .. }), "nobody heard the refusal: {unanswered:?}");
    let unanswered = repo.branches().unwrap().delete(BRANCH, &next).unwrap_err();
    assert!(matches!(unanswered, PublishError::Unanswered { .. }), "{unanswered:?}");
    std::fs::remove_file(world.bare().join("hooks/pre-receive")).unwrap();

    repo.branches().unwrap().delete(BRANCH, &next).unwrap();
    assert_eq!(world.head(BRANCH), None, "it is gone");
}
