//! nginx on a free loopback port: the tag lists as files, and `git http-backend` through fcgiwrap.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) struct Servers {
    port: u16,
    nginx: Child,
    fcgiwrap: Child,
}

impl Servers {
    pub(crate) fn start(folder: &Path) -> Servers {
        fs::create_dir_all(folder.join("www/v2")).unwrap();
        fs::create_dir_all(folder.join("git")).unwrap();
        fs::create_dir_all(folder.join("tmp")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let socket = folder.join("fcgiwrap.socket");
        let _ = fs::remove_file(&socket);
        let fcgiwrap = Command::new("fcgiwrap")
            .args(["-c", "2", "-s", &format!("unix:{}", socket.display())])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("fcgiwrap is needed (apt-get install nginx fcgiwrap git curl time): {error}")
            });
        fs::write(folder.join("nginx.conf"), configuration(folder, port)).unwrap();
        let nginx = Command::new("nginx")
            .args(["-e", "stderr", "-c", &folder.join("nginx.conf").to_string_lossy()])
            .spawn()
            .unwrap_or_else(|error| panic!("nginx is needed (apt-get install nginx fcgiwrap git curl time): {error}"));
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() && socket.exists() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Servers { port, nginx, fcgiwrap }
    }

    pub(crate) fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // nginx stops its children when it is asked to.
        let _ = Command::new("kill").args(["-QUIT", &self.nginx.id().to_string()]).status();
        let _ = self.nginx.wait();
        // fcgiwrap leaves its workers behind: they are of its group.
        let group = format!("-{}", self.fcgiwrap.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.fcgiwrap.wait();
    }
}

fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "daemon off; worker_processes 1; pid {folder}/nginx.pid; user root;
events {{ worker_connections 1024; }}
http {{
  access_log off; error_log stderr crit; sendfile on; keepalive_requests 100000; client_max_body_size 0;
  client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
  server {{
    listen 127.0.0.1:{port};
    location = /v2/ {{ default_type application/json; return 200 \"{{}}\"; }}
    location /v2/ {{ root {folder}/www; default_type application/json; }}
    location ~ ^/git(/.*)$ {{
      fastcgi_pass unix:{folder}/fcgiwrap.socket;
      fastcgi_param SCRIPT_FILENAME /usr/lib/git-core/git-http-backend;
      fastcgi_param GIT_PROJECT_ROOT {folder}/git;
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param PATH_INFO $1;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
    }}
  }}
}}
"
    )
}
