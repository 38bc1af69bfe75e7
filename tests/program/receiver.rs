//! Somebody who gets messages over HTTP: keeps them, and answers as it is told to.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> String {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).1.clone()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

#[derive(Default)]
struct State {
    asked: usize,
    got: Vec<Got>,
    /// Status and further headers of the next answers; then 200.
    answers: VecDeque<(u16, &'static str)>,
    /// The body of answers; `ok` where it is empty.
    says: &'static str,
    pause: Duration,
}

pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(crate) fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || take(stream, &state));
            }
        });
        Receiver { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next answers, in this order.
    pub(crate) fn answer(&self, answers: Vec<(u16, &'static str)>) {
        self.state.lock().unwrap().answers = answers.into();
    }

    /// What all further answers say.
    pub(crate) fn say(&self, text: &'static str) {
        self.state.lock().unwrap().says = text;
    }

    pub(crate) fn be_slow(&self, pause: Duration) {
        self.state.lock().unwrap().pause = pause;
    }

    pub(crate) fn got(&self) -> Vec<Got> {
        self.state.lock().unwrap().got.clone()
    }

    /// Waits until so many requests came.
    pub(crate) fn until(&self, count: usize) {
        self.wait(|state| state.got.len() >= count);
    }

    /// The same, whether or not they were answered.
    pub(crate) fn until_asked(&self, count: usize) {
        self.wait(|state| state.asked >= count);
    }

    fn wait(&self, enough: impl Fn(&State) -> bool) {
        let begun = Instant::now();
        while !enough(&self.state.lock().unwrap()) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain: {:?}", self.got());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn take(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    if reader.read_line(&mut line).unwrap_or_default() == 0 {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let pause = {
        let mut state = state.lock().unwrap();
        state.asked += 1;
        state.pause
    };
    std::thread::sleep(pause);
    let ((status, more), says) = {
        let mut state = state.lock().unwrap();
        state.got.push(Got { path, headers, body: String::from_utf8(body).unwrap() });
        (state.answers.pop_front().unwrap_or((200, "")), if state.says.is_empty() { "ok" } else { state.says })
    };
    let mut stream = stream;
    let answer =
        format!("HTTP/1.1 {status} X\r\n{more}Content-Length: {}\r\nConnection: close\r\n\r\n{says}", says.len());
    drop(stream.write_all(answer.as_bytes()));
}
