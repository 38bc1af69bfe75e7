//! Real Git servers on loopback, each on a free port, gone when dropped: `git http-backend` behind nginx, and OpenSSH.
//!
//! Include it with `#[path = "support/servers.rs"] mod servers;`. On Debian the programs come from the packages git, nginx,
//! fcgiwrap, openssl, apache2-utils and openssh-server; `tests/run` installs them.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Whether the programs are there. Without them a test is skipped, unless it is told that they must be there.
#[expect(clippy::print_stdout, reason = "the reader of a test run learns what was skipped")]
pub(crate) fn available(programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|name| program(name).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    let required = std::env::var("LANDWAITER_REAL_SERVERS").is_ok_and(|value| value == "1");
    assert!(!required, "missing programs: {missing:?}; `tests/run` installs what the tests need");
    println!("skipped: missing programs {missing:?}, see tests/run");
    false
}

/// Where the program is; servers often are where only root looks.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/sbin", "/usr/local/sbin"]);
    directories.map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
}

fn run(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(program(name).unwrap()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program and all it started, killed when dropped.
struct Process(Child);

impl Process {
    fn start(name: &str, arguments: &[&str], log: &Path) -> Process {
        let log = fs::File::create(log).unwrap();
        let child = Command::new(program(name).unwrap())
            .args(arguments)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Process(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        drop(Command::new("kill").args(["-KILL", "--", &group]).status());
        drop(self.0.wait());
    }
}

fn wait_for(what: &str, log: &Path, ready: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !ready() {
        let said = || fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < until, "{what} does not start: {}", said());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The password of the users `writer` and `reader`.
pub(crate) const TOKEN: &str = "s3cret-token";

/// Serves every repository below a directory by HTTP and HTTPS. `writer` may push, `reader` gets 403 when he tries.
pub(crate) struct HttpServer {
    pub(crate) port: u16,
    pub(crate) tls_port: u16,
    /// The authority that signed the certificate, as PEM.
    pub(crate) ca_pem: Vec<u8>,
    directory: tempfile::TempDir,
    _processes: [Process; 2],
}

pub(crate) const HTTP_PROGRAMS: &[&str] = &["git", "nginx", "fcgiwrap", "htpasswd", "openssl"];

impl HttpServer {
    pub(crate) fn start(repositories: &Path) -> HttpServer {
        HttpServer::speaking(repositories, true)
    }

    /// `version_2`: whether the server hears that the client can speak the newer protocol.
    pub(crate) fn speaking(repositories: &Path, version_2: bool) -> HttpServer {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        run("htpasswd", &["-bc", &at("users"), "writer", TOKEN]);
        run("htpasswd", &["-b", &at("users"), "reader", TOKEN]);
        run(
            "openssl",
            &[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
                "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext",
                "basicConstraints=critical,CA:FALSE",
                "-keyout",
                &at("key.pem"),
                "-out",
                &at("cert.pem"),
            ],
        );
        let (port, tls_port) = (free_port(), free_port());
        let mut text = configuration(directory.path(), repositories, port, tls_port);
        if !version_2 {
            text = text.replace("fastcgi_param GIT_PROTOCOL $http_git_protocol;", "");
        }
        fs::write(at("nginx.conf"), text).unwrap();
        let socket = format!("unix:{}", at("socket"));
        let (cgi_log, log) = (directory.path().join("cgi.log"), directory.path().join("nginx.log"));
        let cgi = Process::start("fcgiwrap", &["-c", "4", "-s", &socket], &cgi_log);
        wait_for("fcgiwrap", &cgi_log, || Path::new(&at("socket")).exists());
        let nginx = Process::start("nginx", &["-c", &at("nginx.conf"), "-p", &at("")], &log);
        wait_for("nginx", &log, || TcpStream::connect(("127.0.0.1", tls_port)).is_ok());
        HttpServer { port, tls_port, ca_pem: fs::read(at("cert.pem")).unwrap(), _processes: [nginx, cgi], directory }
    }

    /// `METHOD PATH STATUS` of every request so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        // nginx writes a line when it has finished with a request, which may be after the answer was read.
        let read = || fs::read_to_string(self.directory.path().join("access.log")).unwrap_or_default();
        let mut log = read();
        loop {
            std::thread::sleep(Duration::from_millis(100));
            let now = read();
            if now == log {
                return log.lines().map(str::to_owned).collect();
            }
            log = now;
        }
    }
}

fn configuration(directory: &Path, repositories: &Path, port: u16, tls_port: u16) -> String {
    let directory = directory.display();
    let backend = format!("{}/git-http-backend", run("git", &["--exec-path"]));
    let user = match run("id", &["-u"]).as_str() {
        "0" => "user root;",
        _ => "",
    };
    format!(
        r#"
{user}
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  log_format short '$request_method $request_uri $status';
  access_log {directory}/access.log short;
  client_body_temp_path {directory}/body;
  fastcgi_temp_path {directory}/fastcgi;
  proxy_temp_path {directory}/proxy;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  map "$remote_user $request_uri" $denied {{ "~^reader .*git-receive-pack" 1; default 0; }}
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {directory}/cert.pem;
    ssl_certificate_key {directory}/key.pem;
    client_max_body_size 20m;
    location / {{
      auth_basic git;
      auth_basic_user_file {directory}/users;
      if ($denied) {{ return 403; }}
      fastcgi_pass unix:{directory}/socket;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROJECT_ROOT {repositories};
      fastcgi_param GIT_CONFIG_NOSYSTEM 1;
      fastcgi_param GIT_CONFIG_GLOBAL /dev/null;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param REMOTE_ADDR $remote_addr;
    }}
  }}
}}
"#,
        repositories = repositories.display(),
    )
}

/// OpenSSH's server for the user who runs the tests.
pub(crate) struct SshServer {
    pub(crate) port: u16,
    pub(crate) user: String,
    /// The private key that may log in.
    pub(crate) key: String,
    /// A private key that may not.
    pub(crate) stranger: String,
    /// A text that names the server and its right key.
    pub(crate) known_hosts: String,
    /// `SHA256:...` of the host key.
    pub(crate) fingerprint: String,
    _directory: tempfile::TempDir,
    _process: Process,
}

pub(crate) const SSH_PROGRAMS: &[&str] = &["git", "sshd", "ssh-keygen"];

impl SshServer {
    /// `version_2`: whether the server lets the client ask for the newer protocol; a fresh Debian does not.
    pub(crate) fn start(version_2: bool) -> SshServer {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name).display().to_string();
        for name in ["host", "key", "stranger"] {
            make_key("ed25519", &at(name));
        }
        fs::copy(at("key.pub"), at("authorized")).unwrap();
        let port = free_port();
        let accept = if version_2 { "AcceptEnv GIT_PROTOCOL" } else { "" };
        let configuration = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\n{accept}\n",
            at("host"),
            at("authorized"),
        );
        fs::write(at("sshd_config"), configuration).unwrap();
        // Debian's sshd wants its chroot directory when root starts it without the init script.
        drop(fs::create_dir_all("/run/sshd"));
        let log = directory.path().join("log");
        let process = Process::start("sshd", &["-D", "-e", "-f", &at("sshd_config")], &log);
        wait_for("sshd", &log, || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let public = fs::read_to_string(at("host.pub")).unwrap();
        let printed = run("ssh-keygen", &["-lf", &at("host.pub")]);
        SshServer {
            port,
            user: run("id", &["-un"]),
            key: fs::read_to_string(at("key")).unwrap(),
            stranger: fs::read_to_string(at("stranger")).unwrap(),
            known_hosts: format!("[127.0.0.1]:{port} {public}"),
            fingerprint: printed.split(' ').nth(1).unwrap().to_owned(),
            _directory: directory,
            _process: process,
        }
    }

    pub(crate) fn url(&self, repository: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, repository.display())
    }
}

/// Writes `FILE` and `FILE.pub`, without a passphrase.
pub(crate) fn make_key(kind: &str, file: &str) {
    run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-C", "test", "-f", file]);
}
