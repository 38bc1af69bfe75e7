//! Edits in places where the part that changes is not a whole scalar, or the scalar is part of a text: only the part's own
//! bytes change.

use landwaiter::edit::{Edit, Target, apply};
use landwaiter::image::Tag;
use landwaiter::site::{Reference, scan};

fn references(path: &str, text: &str) -> Vec<Reference> {
    let scan = scan(path, text.as_bytes());
    assert!(scan.notes.is_empty(), "{:?}", scan.notes);
    scan.references
}

/// The text with all its references at `tag`.
fn at(path: &str, text: &str, tag: &str) -> String {
    let found = references(path, text);
    assert!(!found.is_empty(), "{text}");
    assert!(found.iter().all(|reference| reference.blocked.is_none()), "{text}: {found:?}");
    let to = |reference: &Reference| Target {
        tag: Tag::parse(tag).ok(),
        digest: reference.digest.clone(),
        ..Target::default()
    };
    let edits = found.iter().map(|reference| Edit { reference, to: to(reference) }).collect::<Vec<_>>();
    match apply(text.as_bytes(), &edits) {
        Ok(edited) => String::from_utf8_lossy(&edited.bytes).into_owned(),
        Err(error) => panic!("{error}: {text}"),
    }
}

fn application(values: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    helm:\n      values: {values}"
    )
}

#[test]
fn what_stands_before_and_behind_a_part_stays() {
    for (path, text) in [
        ("compose.yaml", "services:\n  a:\n    image: ${IMAGE:-acme/web:v1}\n"),
        ("compose.yaml", "services:\n  a:\n    image: \"${IMAGE-acme/web:v1}\" # c\n"),
        ("compose.yaml", "services:\n  a: {image: 'acme/web:${TAG:-v1}'}\n"),
        (".github/workflows/a.yaml", "jobs:\n  a:\n    steps:\n    - uses: docker://acme/web:v1\n"),
        (".argocd-source-a.yaml", "kustomize:\n  images: ['a=acme/web:v1', \"acme/b:v1\"]\n"),
        (".argocd-source-a.yaml", "kustomize:\n  images:\n  - a=acme/web:v1 # c\n"),
    ] {
        assert_eq!(at(path, text, "1.10"), text.replace("v1", "1.10"));
    }
}

#[test]
fn a_part_of_a_value_that_is_not_written_as_it_reads_is_refused() {
    let text = "services:\n  a: {image: \"${IMAGE:-acme\\x2fweb:v1}\"}\n";
    let found = references("compose.yaml", text);
    let to = Target { tag: Tag::parse("v2").ok(), ..Target::default() };
    assert!(apply(text.as_bytes(), &[Edit { reference: &found[0], to }]).is_err());
}

#[test]
fn scalars_of_a_literal_block_are_edited_in_place() {
    for (values, old, new) in [
        ("|\n        image: {repository: acme/web, tag: v1} # c\n        x: y\n", "tag: v1}", "tag: v2}"),
        ("|-\n\n        # c\n        image:\n\n          repository: acme/web\n          tag: 'v1'", "'v1'", "'v2'"),
        ("|2\n        image:\n          repository: acme/web\n          tag: v1\n", "tag: v1", "tag: v2"),
        ("|+\r\n        image: \"acme/web:v1\"\r\n\r\n", "web:v1", "web:v2"),
        ("|\n        image:\n          repository: acme/web\n          tag: v1", "tag: v1", "tag: v2"),
    ] {
        let text = application(values);
        assert_eq!(at("app.yaml", &text, "v2"), text.replace(old, new));
        let line = references("app.yaml", &text)[0].line;
        assert_eq!(text.lines().nth(line - 1).map(|line| line.contains("v1")), Some(true), "{text}");
    }
}

#[test]
fn several_edits_of_one_text_are_made_together() {
    let text = application("|\n        image: acme/web:v1\n        jobImage: acme/job:v1\n      other: x\n");
    assert_eq!(at("app.yaml", &text, "1.10"), text.replace(":v1", ":1.10"));
    assert_eq!(references("app.yaml", &text)[1].path, "spec.source.helm.values.jobImage");
}

#[test]
fn many_edits_of_one_text_cost_no_more_than_their_sum() {
    let lines = (0..5_000).map(|n| format!("        a{n}Image: acme/web:v1\n")).collect::<String>();
    let text = application(&format!("|\n{lines}"));
    assert_eq!(at("app.yaml", &text, "v2"), text.replace("web:v1", "web:v2"));
}

#[test]
fn a_tag_in_a_text_is_quoted_where_it_would_be_a_number() {
    let text = application("|\n        image:\n          repository: acme/web\n          tag: v1\n");
    assert_eq!(at("app.yaml", &text, "1.10"), text.replace("tag: v1", "tag: \"1.10\""));
}

#[test]
fn a_charts_version_has_a_plus_where_its_tag_has_an_underscore() {
    let text = "helmCharts:\n- name: web\n  repo: oci://ghcr.io/acme/charts\n  version: 1.4.2+b1 # c\n";
    assert_eq!(references("kustomization.yaml", text)[0].tag.as_deref(), Some("1.4.2_b1"));
    assert_eq!(at("kustomization.yaml", text, "1.5.0_b2"), text.replace("1.4.2+b1", "1.5.0+b2"));
}

#[test]
fn what_helm_would_take_for_a_range_is_not_written_as_a_charts_version() {
    let text = "helmCharts:\n- name: web\n  repo: oci://ghcr.io/acme/charts\n  version: 1.4.2\n";
    let found = references("kustomization.yaml", text);
    for tag in ["1", "1.5", "latest", "1.5.x"] {
        let to = Target { tag: Tag::parse(tag).ok(), ..Target::default() };
        let refused = apply(text.as_bytes(), &[Edit { reference: &found[0], to }]);
        assert!(refused.is_err_and(|why| why.to_string().contains("not the version of a chart")), "{tag}");
    }
}
