//! Real servers for tests: a program started on a free port, answered for before the test goes on, and killed when it is
//! dropped. Programs come from the machine; a test says how it does without one.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[path = "installed.rs"]
mod installed;

pub(crate) use installed::program;

/// How long a server may take from its start to its first accepted connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port of the loopback interface that nobody listens on at this moment.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A running server program.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts the program and waits until it accepts connections on the port. Its output goes to `log`, which a failed
    /// start shows.
    pub(crate) fn start(program: &Path, arguments: &[&str], port: u16, log: &Path) -> Server {
        let out = std::fs::File::create(log).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        let mut server = Server { child };
        let begun = Instant::now();
        while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && begun.elapsed() < PATIENCE,
                "{} does not answer ({ended:?}): {}",
                program.display(),
                std::fs::read_to_string(log).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to do then.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
