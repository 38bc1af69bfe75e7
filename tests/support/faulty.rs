//! A registry that misbehaves on command: a raw HTTP server whose every answer a test writes, down to the missing bytes.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// One request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) authorization: Option<String>,
    /// The server as the client calls it.
    pub(crate) host: String,
    pub(crate) body: String,
    /// How often this target was asked for before.
    pub(crate) before: usize,
}

/// What is done with it.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A whole answer with its right length.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// These bytes and then the end of the connection.
    Cut(String),
    /// A good head, and then bytes for as long as anybody reads.
    Endless,
    /// The connection is reset.
    Reset,
    /// Nothing at all.
    Silence,
    /// The reply, but later.
    Late(Duration, Box<Reply>),
    /// A whole answer whose body comes in pieces of this many bytes, with this pause between them.
    Dribble(Duration, usize, Box<Reply>),
    /// A whole answer, of whose body only so many bytes ever come; the connection stays open.
    Stall(usize, Box<Reply>),
}

impl Reply {
    pub(crate) fn ok(body: impl Into<String>) -> Reply {
        Reply::Answer(200, Vec::new(), body.into())
    }

    pub(crate) fn status(status: u16) -> Reply {
        Reply::Answer(status, Vec::new(), String::new())
    }

    /// A tag list with the header `Link` when there is one.
    pub(crate) fn page(tags: &[&str], link: Option<String>) -> Reply {
        let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
        let headers = link.map(|link| ("link", link)).into_iter().collect();
        Reply::Answer(200, headers, format!("{{\"tags\":[{}]}}", quoted.join(",")))
    }

    /// Head and body of an answer; the others have none.
    fn written(self, method: &str) -> (String, String) {
        let Reply::Answer(status, headers, body) = self else {
            unreachable!("only whole answers are written piece by piece");
        };
        let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        (head, if method == "HEAD" { String::new() } else { body })
    }

    pub(crate) fn challenge(value: impl Into<String>) -> Reply {
        Reply::Answer(401, vec![("www-authenticate", value.into())], String::new())
    }
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

/// The server; it ends when it is dropped.
pub(crate) struct Faulty {
    address: SocketAddr,
    shared: Arc<Shared>,
    _server: JoinSet<()>,
}

struct Shared {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    counts: Mutex<HashMap<String, usize>>,
    endless: AtomicU64,
    connections: AtomicU64,
}

impl Faulty {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Faulty {
        Faulty::start_at("127.0.0.1:0", script).await
    }

    /// At an address of one's own, such as `[::1]:0`.
    pub(crate) async fn start_at(at: &str, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Faulty {
        let listener = TcpListener::bind(at).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            script: Box::new(script),
            asked: Mutex::default(),
            counts: Mutex::default(),
            endless: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        });
        let mut server = JoinSet::new();
        let accepting = Arc::clone(&shared);
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(async move { shared.serve(stream).await.unwrap_or(()) });
            }
        });
        Faulty { address, shared, _server: server }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Every request so far, in order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    /// How many requests begin with this path.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.target.starts_with(path)).count()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Bytes of endless bodies that were taken off our hands.
    pub(crate) fn endless_bytes(&self) -> u64 {
        self.shared.endless.load(Ordering::Relaxed)
    }
}

impl Shared {
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        while let Some(head) = read_head(&mut stream).await? {
            let length = header(&head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await?;
            let asked = self.note(&head, String::from_utf8_lossy(&body).into_owned());
            let mut reply = (self.script)(&asked);
            while let Reply::Late(wait, later) = reply {
                tokio::time::sleep(wait).await;
                reply = *later;
            }
            match reply {
                Reply::Answer(..) => {
                    let (head, body) = reply.written(&asked.method);
                    stream.write_all((head + &body).as_bytes()).await?;
                }
                Reply::Dribble(pause, size, reply) => {
                    let (head, body) = reply.written(&asked.method);
                    stream.write_all(head.as_bytes()).await?;
                    for piece in body.as_bytes().chunks(size) {
                        tokio::time::sleep(pause).await;
                        stream.write_all(piece).await?;
                    }
                }
                Reply::Stall(bytes, reply) => {
                    let (head, body) = reply.written(&asked.method);
                    stream.write_all(head.as_bytes()).await?;
                    stream.write_all(&body.as_bytes()[..bytes]).await?;
                    std::future::pending().await
                }
                Reply::Late(..) => unreachable!("unwrapped above"),
                Reply::Cut(bytes) => return stream.write_all(bytes.as_bytes()).await,
                Reply::Endless => return self.pour(stream).await,
                Reply::Reset => return stream.set_zero_linger(),
                Reply::Silence => std::future::pending().await,
            }
        }
        Ok(())
    }

    async fn pour(&self, mut stream: TcpStream) -> std::io::Result<()> {
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{\"tags\":[").await?;
        let piece = "\"1.0.0\",".repeat(8 * 1024);
        loop {
            stream.write_all(piece.as_bytes()).await?;
            self.endless.fetch_add(piece.len() as u64, Ordering::Relaxed);
        }
    }

    fn note(&self, head: &str, body: String) -> Asked {
        let mut words = head.split_whitespace();
        let method = words.next().unwrap_or_default().to_owned();
        let target = words.next().unwrap_or_default().to_owned();
        let authorization = header(head, "authorization");
        let host = header(head, "host").unwrap_or_default();
        let mut counts = self.counts.lock().unwrap();
        let count = counts.entry(target.clone()).or_default();
        let asked = Asked { method, target, authorization, host, body, before: *count };
        *count += 1;
        self.asked.lock().unwrap().push(asked.clone());
        asked
    }
}

fn header(head: &str, wanted: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim().to_owned())
    })
}

/// The request's head; `None` when the client hung up.
async fn read_head(stream: &mut TcpStream) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}
