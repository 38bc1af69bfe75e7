//! One HTTP request on a connection of its own.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let same = |line: &&str| line.split(':').next().is_some_and(|own| own.eq_ignore_ascii_case(name));
        self.head.lines().find(same).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

pub(crate) fn exchange(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let host = if headers.to_ascii_lowercase().contains("host:") { String::new() } else { format!("Host: {to}\r\n") };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    read(&mut stream, method == "HEAD")
}

/// An answer as long as it says it is; not everybody closes the connection afterwards.
fn read(stream: &mut TcpStream, bodiless: bool) -> Answer {
    let (mut bytes, mut part) = (Vec::new(), [0; 16_384]);
    let mut more = |bytes: &mut Vec<u8>| {
        let count = stream.read(&mut part).unwrap();
        bytes.extend_from_slice(&part[..count]);
        count > 0
    };
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        assert!(more(&mut bytes), "no whole head: {}", String::from_utf8_lossy(&bytes));
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: bytes.split_off(end + 4) };
    let length = answer.header("content-length").and_then(|length| length.parse().ok());
    let length = if bodiless || status == 304 { Some(0) } else { length };
    while length.is_none_or(|length| answer.body.len() < length) && more(&mut answer.body) {}
    answer
}

pub(crate) fn get(to: SocketAddr, path: &str) -> Answer {
    exchange(to, "GET", path, "", "")
}
