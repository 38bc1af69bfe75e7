//! The documents of the API as pages: templates that are part of the program, everything in them escaped.

use super::query::Query;
use super::show::{ImageShown, Images, References, Repositories, Runs, Summary};
use crate::service::Target;
use crate::service::picture::State;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, context};
use serde::Serialize;
use std::collections::BTreeSet;
use url::form_urlencoded;

/// What is done at each address, in the order of the menu.
const MENU: [(&str, &str); 5] = [
    ("/", "References"),
    ("/images/", "Images"),
    ("/repositories", "Repositories"),
    ("/runs", "Runs"),
    ("/registries", "Registries"),
];

const TEMPLATES: [(&str, &str); 9] = [
    ("layout", include_str!("templates/layout.html")),
    ("references", include_str!("templates/references.html")),
    ("rows", include_str!("templates/rows.html")),
    ("images", include_str!("templates/images.html")),
    ("image", include_str!("templates/image.html")),
    ("repositories", include_str!("templates/repositories.html")),
    ("runs", include_str!("templates/runs.html")),
    ("registries", include_str!("templates/registries.html")),
    ("refused", include_str!("templates/refused.html")),
];

/// The pages.
#[derive(Debug)]
pub(super) struct Html(Environment<'static>);

/// What every page shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) title: &'a str,
    /// The place in the menu.
    pub(super) here: &'a str,
    pub(super) summary: &'a Summary,
}

/// A link to the references of one state.
#[derive(Debug, Serialize)]
struct Tab {
    word: &'static str,
    title: &'static str,
    count: usize,
    href: String,
    here: bool,
}

impl Html {
    pub(super) fn new() -> Html {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.add_filter("when", when);
        environment.add_filter("path", path);
        environment.add_filter("grouped", grouped);
        environment.add_filter("short", short);
        environment.add_filter("web", web);
        environment.add_function("address", address);
        for (name, source) in TEMPLATES {
            // They are tested; one that could not be read would be missing when it is used, which is answered as a fault.
            let _ = environment.add_template(name, source);
        }
        Html(environment)
    }

    fn part(&self, name: &str, values: Value) -> Result<Value, Error> {
        Ok(Value::from_safe_string(self.0.get_template(name)?.render(values)?))
    }

    fn whole(&self, title: &str, here: &str, summary: Option<&Summary>, body: Value) -> Result<String, Error> {
        let menu: Vec<(&str, &str, bool)> = MENU.iter().map(|(href, name)| (*href, *name, *href == here)).collect();
        let values = context! {
            title,
            menu => Serde(menu),
            summary => Serde(summary),
            front => here == "/",
            body,
            version => env!("CARGO_PKG_VERSION"),
        };
        self.0.get_template("layout")?.render(values)
    }

    fn view(&self, view: &View<'_>, body: Value) -> Result<String, Error> {
        self.whole(view.title, view.here, Some(view.summary), body)
    }

    /// The table of references, without its page.
    fn rows(&self, references: &References, caption: &str, of_image: bool) -> Result<Value, Error> {
        let titles: Vec<(&str, &str)> = State::ALL.iter().map(|state| (state.word(), state.title())).collect();
        let titles: std::collections::BTreeMap<_, _> = titles.into_iter().collect();
        self.part("rows", context! { references => Serde(references), titles => Serde(titles), caption, of_image })
    }

    pub(super) fn references(
        &self,
        view: &View<'_>,
        references: &References,
        query: &Query,
        branches: &[Target],
    ) -> Result<String, Error> {
        let counts = references.by_state;
        let counts = [counts.held, counts.pull_request, counts.updating, counts.up_to_date, counts.unmanaged];
        let tab = |(state, count): (State, usize)| Tab {
            word: state.word(),
            title: state.title(),
            count,
            href: format!("/?{}", query.with("state", Some(state.word()))),
            here: query.get("state") == Some(state.word()),
        };
        let tabs: Vec<Tab> = State::ALL.into_iter().zip(counts).map(tab).collect();
        let repositories: BTreeSet<&str> = branches.iter().map(|target| target.repository.as_str()).collect();
        let names: BTreeSet<&str> = branches.iter().filter_map(|target| target.branch.as_deref()).collect();
        let filters: Vec<(&str, &str, String)> = ["repository", "branch", "policy", "image", "reason", "q"]
            .into_iter()
            .filter_map(|name| Some((name, query.get(name)?, format!("/?{}", query.with(name, None)))))
            .collect();
        let body = self.part(
            "references",
            context! {
                rows => self.rows(references, "References", false)?,
                total => references.total,
                all => counts.iter().sum::<usize>(),
                begin => references.before + 1,
                end => references.before + references.references.len(),
                tabs => Serde(tabs),
                all_href => format!("/?{}", query.with("state", None)),
                state => query.get("state"),
                query => context! {
                    q => query.get("q"), repository => query.get("repository"), branch => query.get("branch"),
                    policy => query.get("policy"), image => query.get("image"), reason => query.get("reason"),
                },
                filters => Serde(filters),
                repositories => Serde(repositories),
                branches => Serde(names),
                first => query.get("cursor").map(|_| format!("/?{}", query.with("cursor", None))),
                next => references.next.as_deref().map(|next| format!("/?{}", query.with("cursor", Some(next)))),
                summary => Serde(view.summary),
            },
        )?;
        self.view(view, body)
    }

    pub(super) fn images(&self, view: &View<'_>, images: &Images, query: &Query) -> Result<String, Error> {
        let next = images.next().map(|next| format!("/images/?{}", query.with("cursor", Some(next))));
        let body = self.part("images", context! { shown => Serde(images), q => query.get("q"), next })?;
        self.view(view, body)
    }

    pub(super) fn image(&self, view: &View<'_>, image: &ImageShown, plot: Option<String>) -> Result<String, Error> {
        let body = self.part(
            "image",
            context! {
                shown => Serde(image),
                groups => Serde(image.grouped()),
                plot => plot.map(Value::from_safe_string),
                rows => self.rows(image.references(), "References to this image", true)?,
            },
        )?;
        self.view(view, body)
    }

    pub(super) fn runs(
        &self,
        view: &View<'_>,
        runs: &Runs,
        query: &Query,
        plot: Option<String>,
    ) -> Result<String, Error> {
        let next = runs.next().map(|next| format!("/runs?{}", query.with("cursor", Some(next))));
        let body =
            self.part("runs", context! { shown => Serde(runs), plot => plot.map(Value::from_safe_string), next })?;
        self.view(view, body)
    }

    /// A page that is one document and no more.
    pub(super) fn listed(
        &self,
        name: &str,
        view: &View<'_>,
        shown: &(impl Serialize + Paged),
        query: &Query,
    ) -> Result<String, Error> {
        let next = shown.next().map(|next| format!("{}?{}", view.here, query.with("cursor", Some(next))));
        let body = self.part(name, context! { shown => Serde(shown), next })?;
        self.view(view, body)
    }

    pub(super) fn refused(&self, status: u16, why: &str) -> Result<String, Error> {
        let body = self.part("refused", context! { status, why })?;
        self.whole("Not shown", "", None, body)
    }
}

/// A document that may go on.
pub(super) trait Paged {
    fn next(&self) -> Option<&str>;
}

impl Paged for Repositories {
    fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

impl Paged for super::show::Registries {
    fn next(&self) -> Option<&str> {
        None
    }
}

/// A moment of the API, for people: `20 Nov 2026, 10:05 UTC`.
fn when(moment: &str) -> Value {
    let read = moment.parse::<jiff::Timestamp>().map(|at| at.to_zoned(jiff::tz::TimeZone::UTC));
    let Ok(at) = read else { return Value::from(moment) };
    let text = at.strftime("%-d %b %Y, %H:%M UTC").to_string();
    Value::from_safe_string(format!("<time datetime=\"{at}\">{text}</time>", at = at.timestamp()))
}

/// The name of an image as a part of an address.
fn path(name: &str) -> Value {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b':');
    let coded = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    Value::from_safe_string(name.bytes().map(coded).collect())
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|group| str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// Enough of a commit's id or a digest to know it again.
fn short(text: &str) -> String {
    let begin = text.find(':').map_or(0, |at| at + 1);
    match text.get(..begin + 12) {
        Some(short) if short.len() < text.len() => format!("{short}…"),
        _ => text.to_owned(),
    }
}

/// The address, if it is one that a link may lead to.
fn web(text: &str) -> Option<String> {
    (text.starts_with("https://") || text.starts_with("http://")).then(|| text.to_owned())
}

/// An address on this page: `address("/", policy="web")`.
fn address(path: &str, parameters: Kwargs) -> Result<Value, Error> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for name in parameters.args() {
        if let Some(value) = parameters.get::<Option<String>>(name)? {
            query.append_pair(name, &value);
        }
    }
    // The ampersand between two parameters is escaped like any other text.
    Ok(Value::from(format!("{path}?{}", query.finish())))
}
