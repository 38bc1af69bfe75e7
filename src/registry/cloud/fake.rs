//! A machine and its clouds for tests: variables, files, a clock that stands still, and answers as the vendors document
//! them, by the address that is asked.

use super::{Clouds, Surroundings};
use crate::http::{Answer, Error, ErrorKind, Request};
use futures::FutureExt as _;
use reqwest::StatusCode;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// 2026-01-02T03:04:05Z.
pub(crate) const NOW: i64 = 1_767_323_045;

/// The machine. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    variables: HashMap<String, String>,
    files: HashMap<String, String>,
    /// By method and address without query.
    answers: HashMap<String, (u16, String)>,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl World {
    pub(crate) fn new(variables: &[(&str, &str)]) -> World {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        World { variables, ..World::default() }
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> World {
        self.files.insert(path.to_owned(), text.to_owned());
        self
    }

    /// `what` is `METHOD URL`.
    pub(crate) fn answer(mut self, what: &str, status: u16, body: &str) -> World {
        self.answers.insert(what.to_owned(), (status, body.to_owned()));
        self
    }

    pub(crate) fn clouds(&self) -> Clouds {
        let world = self.clone();
        let send = move |request: Request| {
            let answer = world.serve(request);
            async move { answer }.boxed()
        };
        Clouds { send: Arc::new(send), surroundings: Arc::new(self.clone()) }
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// What was asked, as `METHOD URL`.
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.asked().iter().map(|request| format!("{} {}", method(request), request.url)).collect()
    }

    fn serve(&self, request: Request) -> Result<Answer, Error> {
        self.asked.lock().unwrap().push(request.clone());
        let mut bare = request.url.clone();
        bare.set_query(None);
        let Some((status, body)) = self.answers.get(&format!("{} {bare}", method(&request))) else {
            let host = request.url.host_str().unwrap().to_owned();
            return Err(Error { host, kind: ErrorKind::Unreachable, detail: "nobody there".to_owned() });
        };
        Ok(Answer {
            status: StatusCode::from_u16(*status).unwrap(),
            headers: Default::default(),
            body: body.clone().into(),
            url: request.url,
        })
    }
}

fn method(request: &Request) -> String {
    format!("{:?}", request.method).to_uppercase()
}

/// The body of a request.
pub(crate) fn sent(request: &Request) -> &str {
    request.body.as_ref().map_or("", |body| body.content.expose())
}

/// A header of a request that a cloud asks for.
pub(crate) fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers.iter().find(|(found, _)| found.as_str() == name).map_or("", |(_, value)| value.expose())
}

impl Surroundings for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn read(&self, path: &Path) -> Result<String, String> {
        let path = path.display().to_string();
        self.files.get(&path).cloned().ok_or_else(|| format!("cannot read {path}: not there"))
    }

    fn is_there(&self, path: &Path) -> bool {
        self.files.contains_key(&path.display().to_string())
    }

    fn now(&self) -> i64 {
        NOW
    }
}
