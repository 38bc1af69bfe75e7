//! Every bound at its edge, over real connections.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

/// Long enough that no test waits for it by accident.
const EVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(200);
const BOUNDS: Bounds =
    Bounds { connections: 4, head: 8_192, headers: 8, head_time: EVER, connection_time: EVER, reused: true };
const SHORT: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// A listener that says `yes`, after so long.
async fn listening(bounds: Bounds, pause: Duration) -> (SocketAddr, JoinSet<()>) {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let answered = move |peer: SocketAddr, _| async move {
        assert!(peer.ip().is_loopback());
        tokio::time::sleep(pause).await;
        Response::new(Body::from("yes"))
    };
    let (address, work) = listen(anywhere, bounds, answered).await.unwrap();
    let mut running = JoinSet::new();
    running.spawn(work);
    (address, running)
}

async fn opened(address: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// The status of the next answer; `None` when the connection ends without one.
async fn status(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = [0; 1_024];
    let count = tokio::time::timeout(EVER, stream.read(&mut bytes)).await.unwrap().ok()?;
    let said = String::from_utf8_lossy(&bytes[..count]).into_owned();
    Some(said.split(' ').nth(1)?.to_owned())
}

async fn asked(address: SocketAddr, bytes: &[u8]) -> Option<String> {
    status(&mut opened(address, bytes).await).await
}

/// A request whose head has so many bytes.
fn wide(bytes: usize) -> Vec<u8> {
    let (before, after) = ("GET / HTTP/1.1\r\nX-Wide: ", "\r\n\r\n");
    format!("{before}{}{after}", "x".repeat(bytes - before.len() - after.len())).into_bytes()
}

#[tokio::test]
async fn a_head_has_so_many_bytes_and_no_more() {
    let (address, _running) = listening(BOUNDS, Duration::ZERO).await;
    assert_eq!(asked(address, &wide(BOUNDS.head)).await.as_deref(), Some("200"));
    assert_eq!(asked(address, &wide(BOUNDS.head + 1)).await.as_deref(), Some("431"));
}

#[tokio::test]
async fn a_request_has_so_many_headers_and_no_more() {
    let (address, _running) = listening(BOUNDS, Duration::ZERO).await;
    let request = |headers| format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: x\r\n".repeat(headers)).into_bytes();
    assert_eq!(asked(address, &request(BOUNDS.headers)).await.as_deref(), Some("200"));
    assert_eq!(asked(address, &request(BOUNDS.headers + 1)).await.as_deref(), Some("431"));
}

#[tokio::test]
async fn so_many_connections_are_taken_and_the_next_one_waits() {
    let (address, _running) = listening(BOUNDS, Duration::ZERO).await;
    let mut taken = Vec::new();
    for _ in 0..BOUNDS.connections {
        let mut stream = opened(address, SHORT).await;
        assert_eq!(status(&mut stream).await.as_deref(), Some("200"));
        taken.push(stream);
    }
    let mut waiting = opened(address, SHORT).await;
    assert!(tokio::time::timeout(SOON, waiting.readable()).await.is_err(), "nobody answers it");
    drop(taken.pop());
    assert_eq!(status(&mut waiting).await.as_deref(), Some("200"));
}

#[tokio::test]
async fn a_head_that_does_not_come_and_an_idle_connection_end() {
    let (address, _running) = listening(Bounds { head_time: SOON, ..BOUNDS }, SOON).await;
    // An answer may take longer than the head of its request.
    for bytes in [&SHORT[..SHORT.len() - 1], b"", SHORT] {
        let begun = Instant::now();
        let mut rest = Vec::new();
        let _ = opened(address, bytes).await.read_to_end(&mut rest).await;
        let least = if bytes == SHORT { 2 * SOON } else { SOON };
        assert!((least..EVER / 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        assert_eq!(rest.starts_with(b"HTTP/1.1 200 "), bytes == SHORT, "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn a_connection_ends_whatever_it_does() {
    let (address, _running) = listening(Bounds { connection_time: SOON, ..BOUNDS }, EVER).await;
    let begun = Instant::now();
    let mut rest = Vec::new();
    let _ = opened(address, SHORT).await.read_to_end(&mut rest).await;
    assert!((SOON..EVER / 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert_eq!(rest, b"");
}

#[tokio::test]
async fn a_connection_brings_one_request_or_several() {
    for reused in [true, false] {
        let (address, _running) = listening(Bounds { reused, ..BOUNDS }, Duration::ZERO).await;
        let mut stream = opened(address, SHORT).await;
        assert_eq!(status(&mut stream).await.as_deref(), Some("200"));
        // Where the connection has ended, what is written goes nowhere or fails.
        let _ = stream.write_all(SHORT).await;
        assert_eq!(status(&mut stream).await.is_some(), reused);
    }
}
