//! Headers by which a collector knows us. They are secrets: nothing of their values stands in an error.
//!
//! A file has one header in each line, `Authorization: Bearer ...`. A variable has them as OpenTelemetry's environment spells them:
//! `authorization=Bearer%20...,x-tenant=acme`.

use crate::port::Secret;
use reqwest::header::{HeaderName, HeaderValue};
use url::form_urlencoded;

/// The most headers.
pub const MAX_HEADERS: usize = 20;
/// The most bytes of a value.
const MAX_VALUE: usize = 8 * 1024;
/// What the request says itself.
const OURS: [&str; 6] = ["content-type", "content-length", "host", "connection", "transfer-encoding", "user-agent"];

pub type Headers = Vec<(HeaderName, Secret)>;

/// Reads the lines of a file: empty ones and those that begin with `#` say nothing.
pub fn of_lines(text: &str) -> Result<Headers, String> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let pairs = said.map(|(at, line)| match line.split_once(':') {
        Some((name, value)) => header(name, value.trim()).map_err(|why| format!("line {at}: {why}")),
        None => Err(format!("line {at} is no header, `Name: value`")),
    });
    bounded(pairs.collect::<Result<_, String>>()?)
}

/// Reads what a variable says.
pub fn of_variable(text: &str) -> Result<Headers, String> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty()).enumerate();
    let all = pairs.map(|(at, pair)| {
        let number = at + 1;
        let (name, value) =
            pair.split_once('=').ok_or_else(|| format!("header {number} is not of the form `name=value`"))?;
        header(name, &decoded(value.trim())).map_err(|why| format!("header {number}: {why}"))
    });
    bounded(all.collect::<Result<_, String>>()?)
}

/// A plus is a plus here, unlike in forms.
fn decoded(value: &str) -> String {
    let form = format!("x={}", value.replace('+', "%2B").replace('&', "%26"));
    form_urlencoded::parse(form.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}

fn header(name: &str, value: &str) -> Result<(HeaderName, Secret), String> {
    // Whoever forgets the name writes the secret in its place, so that it is not shown.
    let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| "not the name of a header".to_owned())?;
    if OURS.contains(&name.as_str()) {
        return Err(format!("`{name}` is what the request says itself"));
    }
    if value.is_empty() || value.len() > MAX_VALUE || HeaderValue::from_str(value).is_err() {
        return Err(format!("the value of `{name}` is empty, too long, or none that a header has"));
    }
    Ok((name, Secret::new(value)))
}

fn bounded(headers: Headers) -> Result<Headers, String> {
    if headers.len() > MAX_HEADERS {
        return Err(format!("more than {MAX_HEADERS} headers"));
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(headers: Result<Headers, String>) -> Vec<String> {
        headers.unwrap().iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect()
    }

    #[test]
    fn a_file_has_a_header_in_each_line() {
        let text = "# who we are\nAuthorization: Bearer a:b=c\r\n\n  X-Tenant:acme  \n";
        assert_eq!(shown(of_lines(text)), ["authorization: Bearer a:b=c", "x-tenant: acme"]);
        assert!(of_lines("").unwrap().is_empty());
    }

    #[test]
    fn a_variable_is_as_opentelemetry_spells_it() {
        assert_eq!(
            shown(of_variable("authorization=Basic%20YQ==, x-tenant = a+b&c%2C ,")),
            ["authorization: Basic YQ==", "x-tenant: a+b&c,"]
        );
        assert!(of_variable("").unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for bad in
            ["hunter2", "X-A: b\nhunter2 hunter2: x", "Host: hunter2", "X-A:", "X-A: hun\u{7}ter2", "X-A: a\rhunter2"]
        {
            let why = of_lines(bad).unwrap_err();
            assert!(!why.contains("hun") && why.contains("line"), "{why}");
        }
        for bad in ["hunter2", "=hunter2", "hun ter2=a", "a=", "a=%00hunter2", "content-type=hunter2"] {
            let why = of_variable(bad).unwrap_err();
            assert!(!why.contains("hun"), "{why}");
        }
    }

    #[test]
    fn headers_are_bounded_at_their_edges() {
        let lines = |count: usize| (0..count).map(|at| format!("x-{at}: v\n")).collect::<String>();
        assert_eq!(of_lines(&lines(MAX_HEADERS)).unwrap().len(), MAX_HEADERS);
        assert!(of_lines(&lines(MAX_HEADERS + 1)).is_err());
        let value = |length: usize| of_lines(&format!("x: {}", "v".repeat(length)));
        assert!(value(MAX_VALUE).is_ok() && value(MAX_VALUE + 1).is_err());
    }
}
