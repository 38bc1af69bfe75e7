//! Where a repository is asked for instead: mirrors of a registry, or of a part of it, in the operator's order. Pure.
//!
//! A mirror stands for the scope it is given for, and what is written behind the scope is written behind the mirror:
//!
//! | scope | mirror | `docker.io/library/nginx` is asked for as |
//! |---|---|---|
//! | `docker.io` | `mirror.example.com/dockerhub` | `mirror.example.com/dockerhub/library/nginx` |
//! | `docker.io/library` | `registry.example.com/official` | `registry.example.com/official/nginx` |
//!
//! The name that stands in files stays what it is. A mirror is a registry of its own: its credentials, its budget, its
//! certificates are those of its host, and mirrors of mirrors are not looked up.

use crate::image::{InvalidName, Repository};

/// What is asked instead of one registry, or of the repositories below one path of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrors {
    /// `HOST` or `HOST/PATH`, in canonical spelling.
    pub scope: String,
    /// `HOST` or `HOST/PATH` each, asked in this order.
    pub targets: Vec<String>,
    /// Whether the registry itself is never asked.
    pub only: bool,
}

/// Every place where the repository may be asked for, in order. Of several scopes that cover it the longest counts.
pub(crate) fn sources(all: &[Mirrors], repository: &Repository) -> Vec<Result<Repository, (String, InvalidName)>> {
    let Some((mirrors, rest)) = covering(all, repository.as_str()) else {
        return vec![Ok(repository.clone())];
    };
    let named = mirrors
        .targets
        .iter()
        .map(|target| Repository::parse(&behind(target, rest)).map_err(|error| (target.clone(), error)));
    let origin = (!mirrors.only).then(|| Ok(repository.clone()));
    named.chain(origin).collect()
}

/// The names under which a host or a repository is asked for, where it may never be asked itself.
pub(crate) fn only(all: &[Mirrors], name: &str) -> Option<Vec<String>> {
    let (mirrors, rest) = covering(all, name).filter(|(mirrors, _)| mirrors.only)?;
    Some(mirrors.targets.iter().map(|target| behind(target, rest)).collect())
}

/// The longest scope that covers the name, and what stands behind it, with its slash.
fn covering<'a>(all: &'a [Mirrors], name: &'a str) -> Option<(&'a Mirrors, &'a str)> {
    let rest = |scope: &str| name.strip_prefix(scope).filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let covering = all.iter().filter_map(|mirrors| Some((mirrors, rest(&mirrors.scope)?)));
    covering.max_by_key(|(mirrors, _)| mirrors.scope.len())
}

fn behind(target: &str, rest: &str) -> String {
    format!("{}{rest}", target.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors(scope: &str, targets: &[&str], only: bool) -> Mirrors {
        let targets = targets.iter().map(|target| (*target).to_owned()).collect();
        Mirrors { scope: scope.to_owned(), targets, only }
    }

    fn asked(all: &[Mirrors], name: &str) -> Vec<String> {
        let sources = sources(all, &Repository::parse(name).unwrap()).into_iter();
        sources.map(|source| source.map_or_else(|(_, error)| error.to_string(), |one| one.to_string())).collect()
    }

    #[test]
    fn the_longest_scope_counts_and_is_replaced_whole() {
        let all = [
            mirrors("docker.io", &["mirror.example.com/dockerhub", "localhost:5000"], false),
            mirrors("docker.io/library", &["registry.example.com/official/"], true),
            mirrors("old.example.com/team/web", &["new.example.com/web"], true),
        ];
        for (name, expected) in [
            (
                "acme/web",
                vec!["mirror.example.com/dockerhub/acme/web", "localhost:5000/acme/web", "docker.io/acme/web"],
            ),
            ("nginx", vec!["registry.example.com/official/nginx"]),
            ("index.docker.io/nginx", vec!["registry.example.com/official/nginx"]),
            (
                "librarys/x",
                vec!["mirror.example.com/dockerhub/librarys/x", "localhost:5000/librarys/x", "docker.io/librarys/x"],
            ),
            ("old.example.com/team/web", vec!["new.example.com/web"]),
            ("old.example.com/team/web/api", vec!["new.example.com/web/api"]),
            ("old.example.com/team/webs", vec!["old.example.com/team/webs"]),
            ("mirror.example.com/dockerhub/acme/web", vec!["mirror.example.com/dockerhub/acme/web"]),
            ("ghcr.io/acme/web", vec!["ghcr.io/acme/web"]),
        ] {
            assert_eq!(asked(&all, name), expected, "{name}");
        }
    }

    #[test]
    fn a_registry_that_is_never_asked_itself_has_other_names() {
        let all = [
            mirrors("docker.io", &["mirror.example.com/dockerhub"], false),
            mirrors("docker.io/library", &["registry.example.com/official/", "localhost:5000"], true),
            mirrors("old.example.com", &["new.example.com"], true),
        ];
        let names = |name| only(&all, name).map(|names| names.join(" "));
        let official = "registry.example.com/official/nginx localhost:5000/nginx";
        assert_eq!(names("docker.io/library/nginx").as_deref(), Some(official));
        assert_eq!(names("old.example.com").as_deref(), Some("new.example.com"));
        for may_be_asked in ["docker.io", "docker.io/acme/web", "new.example.com", "ghcr.io/acme/web"] {
            assert_eq!(names(may_be_asked), None, "{may_be_asked}");
        }
    }

    #[test]
    fn a_name_that_becomes_too_long_is_a_reason_and_not_another_name() {
        let all = [mirrors("docker.io", &["mirror.example.com/dockerhub"], true)];
        let name = format!("acme/{}", "x".repeat(240));
        assert_eq!(asked(&all, &name), ["longer than 255 characters"]);
    }
}
