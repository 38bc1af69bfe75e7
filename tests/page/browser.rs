//! A browser, driven by chromedriver.

use crate::exchange::exchange;
use crate::process::{Server, free_port, program};
use base64::Engine as _;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) struct Browser {
    driver: SocketAddr,
    session: String,
    _server: Server,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// A new browser; `None` where this machine has none.
    pub(crate) fn start() -> Option<Browser> {
        let (chromium, driver) = (program("chromium")?, program("chromedriver")?);
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let server = Server::start(&driver, &[&format!("--port={port}")], port, &folder.path().join("driver.log"));
        let mut browser = Browser {
            driver: SocketAddr::from(([127, 0, 0, 1], port)),
            session: String::new(),
            _server: server,
            _folder: folder,
        };
        let profile = format!("--user-data-dir={}", browser._folder.path().join("profile").display());
        // No sandbox of its own: tests run as root in a container. No shared memory, of which containers have little.
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            &profile,
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }}});
        let made = browser.send("POST", "/session", &wanted);
        browser.session = format!("/session/{}", made["sessionId"].as_str().unwrap());
        Some(browser)
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let answer = exchange(self.driver, method, path, "Content-Type: application/json\r\n", &body);
        let mut said = answer.json();
        assert_eq!(answer.status, 200, "{path}: {said}");
        said["value"].take()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", &format!("{}/{path}", self.session), body)
    }

    pub(crate) fn open(&self, url: &str) {
        self.post("url", &json!({ "url": url }));
    }

    pub(crate) fn url(&self) -> String {
        self.send("GET", &format!("{}/url", self.session), &Value::Null).as_str().unwrap().to_owned()
    }

    /// Waits until the address of the page has this in it, and the page is there.
    pub(crate) fn until(&self, part: &str) {
        let begun = std::time::Instant::now();
        while !self.url().contains(part) {
            assert!(begun.elapsed().as_secs() < 10, "{part} is not in {}", self.url());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// What a script in the page returns.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// A command of the browser's own protocol.
    pub(crate) fn command(&self, name: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    pub(crate) fn element(&self, css: &str) -> String {
        let found = self.post("element", &json!({ "using": "css selector", "value": css }));
        let id = found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        format!("element/{id}")
    }

    pub(crate) fn click(&self, css: &str) {
        self.post(&format!("{}/click", self.element(css)), &json!({}));
    }

    pub(crate) fn write(&self, css: &str, text: &str) {
        self.post(&format!("{}/value", self.element(css)), &json!({ "text": text }));
    }

    /// Light or dark, and how wide.
    pub(crate) fn appear(&self, scheme: &str, width: u32, mobile: bool) {
        let feature = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.command("Emulation.setEmulatedMedia", json!({ "features": feature }));
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": mobile});
        self.command("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// The whole page as a picture, in `target/page`.
    pub(crate) fn picture(&self, name: &str) {
        let taken = self.command("Page.captureScreenshot", json!({"captureBeyondViewport": true}));
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken["data"].as_str().unwrap()).unwrap();
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/page");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }

    /// What the console said since this was last asked.
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"}));
        entries.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }

    /// The addresses that were asked for since this was last asked, each with its status; 0 where there was no answer.
    pub(crate) fn requests(&self) -> Vec<(String, u64)> {
        let entries = self.post("se/log", &json!({"type": "performance"}));
        let mut asked: Vec<(String, String, u64)> = Vec::new();
        for entry in entries.as_array().unwrap() {
            let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let (method, of) = (event["message"]["method"].as_str().unwrap(), &event["message"]["params"]);
            let id = of["requestId"].as_str().unwrap_or_default().to_owned();
            match method {
                "Network.requestWillBeSent" => {
                    asked.push((id, of["request"]["url"].as_str().unwrap().to_owned(), 0));
                }
                "Network.responseReceived" => {
                    let status = of["response"]["status"].as_u64().unwrap();
                    asked.iter_mut().filter(|one| one.0 == id).for_each(|one| one.2 = status);
                }
                _ => {}
            }
        }
        asked.into_iter().map(|(_, url, status)| (url, status)).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            exchange(self.driver, "DELETE", &self.session, "", "");
        }
    }
}
