//! Between the program and its servers: forge and Git server are reached through one gate, which knows what was asked and can
//! kill the program at the moment of a request.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use reqwest::StatusCode;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// When the program is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after its start.
    After(Duration),
    /// With its nth request that writes, from 0, which is lost with it.
    Before(usize),
    /// With its nth request that writes, from 0, which is carried out and not answered.
    During(usize),
}

#[derive(Debug, Default)]
struct Inner {
    moment: Option<Moment>,
    child: Option<Child>,
    /// `METHOD PATH` of requests that write.
    writes: Vec<String>,
    under_way: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Gate {
    inner: Mutex<Inner>,
}

impl Gate {
    /// The router, with every request counted.
    pub(crate) fn before(self: &Arc<Gate>, router: Router) -> Router {
        let gate = Arc::clone(self);
        router.layer(axum::middleware::from_fn(move |request: axum::extract::Request, next: Next| {
            let gate = Arc::clone(&gate);
            async move {
                let line = format!("{} {}", request.method(), request.uri().path());
                if !gate.arrives(&line) {
                    return answer(StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new(), Body::empty());
                }
                // What was begun is done, whether or not somebody waits for the answer.
                let work = tokio::spawn(async move {
                    let answer = next.run(request).await;
                    gate.inner.lock().unwrap().under_way -= 1;
                    answer
                });
                work.await.unwrap()
            }
        }))
    }

    /// Whether the request is to be carried out.
    fn arrives(&self, line: &str) -> bool {
        let mut inner = self.inner.lock().unwrap();
        if writes(line) {
            let at = inner.writes.len();
            inner.writes.push(line.to_owned());
            match inner.moment {
                Some(Moment::Before(n)) if n == at => {
                    inner.child.as_mut().unwrap().kill().unwrap();
                    return false;
                }
                Some(Moment::During(n)) if n == at => inner.child.as_mut().unwrap().kill().unwrap(),
                _ => {}
            }
        }
        inner.under_way += 1;
        true
    }

    /// Lets the program run until it ends or its moment has come; then what it had begun comes to its end.
    pub(crate) fn watch(&self, start: impl FnOnce() -> Child, moment: Moment) -> ExitStatus {
        let mut inner = self.inner.lock().unwrap();
        inner.writes.clear();
        inner.moment = Some(moment);
        inner.child = Some(start());
        drop(inner);
        let started = Instant::now();
        let ended = loop {
            let mut inner = self.inner.lock().unwrap();
            let child = inner.child.as_mut().unwrap();
            if let Some(ended) = child.try_wait().unwrap() {
                inner.moment = None;
                inner.child = None;
                break ended;
            }
            if matches!(moment, Moment::After(time) if started.elapsed() >= time) {
                child.kill().unwrap();
            }
            drop(inner);
            std::thread::sleep(Duration::from_millis(1));
        };
        while self.inner.lock().unwrap().under_way > 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        ended
    }

    /// Requests that write, since this was asked or a run was watched.
    pub(crate) fn writes(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().unwrap().writes)
    }
}

/// Git asks by POST too.
fn writes(line: &str) -> bool {
    !line.starts_with("GET ") && !line.ends_with("/git-upload-pack")
}

/// Hands every request to the server at that port, and back what it answers.
pub(crate) fn forward(port: u16) -> Router {
    Router::new().fallback(move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| async move {
        let mut head = format!("{method} {uri} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
        for (name, value) in &headers {
            if !["host", "connection", "content-length", "transfer-encoding", "expect"].contains(&name.as_str()) {
                head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
            }
        }
        head.push_str("\r\n");
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        let end = said.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&said[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            if !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("content-length") {
                headers.append(axum::http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
            }
        }
        answer(StatusCode::from_u16(status).unwrap(), headers, Body::from(said[end + 4..].to_vec()))
    })
}

fn answer(status: StatusCode, headers: HeaderMap, body: Body) -> Response {
    let mut response = Response::new(body);
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}
