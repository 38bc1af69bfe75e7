//! Whatever stands in a file of any shape: scanning never panics, and an edit is proven or refused for a known reason.
//! Good files of every shape with odd words thrown in; `any_file` does the same for plain manifests.
#![expect(clippy::unwrap_used, reason = "tests may panic")]

use landwaiter::edit::{Edit, EditError, Target, apply, plan_action};
use landwaiter::image::{Digest, Tag};
use landwaiter::site::{Declarations, Location, Part, Placed, Reference, Scan, Way};
use proptest::prelude::*;

/// One file of each shape.
const FILES: &[(&str, &str)] = &[
    (
        "values.yaml",
        "global:\n  imageRegistry: ''\nimage:\n  registry: ghcr.io\n  repository: acme/web\n  tag: v1 # c\n  digest: ''\njobImage: acme/job\njobImageTag: \"v1\"\nimages:\n- acme/x:v1\n- {name: acme/y, tag: v1}\n",
    ),
    (
        "app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec:\n  source:\n    kustomize:\n      images: ['a=acme/a:v1', acme/b:v1]\n    helm:\n      parameters:\n      - {name: image.tag, value: v1}\n      - {name: image.repository, value: acme/c}\n      values: |\n        # c\n        image:\n          repository: acme/d\n\n          tag: 'v1'\n        jobImage: acme/job:v1 # landwaiter: web\n      valuesObject: {image: {repository: acme/e, tag: v1}}\n",
    ),
    (
        "kustomization.yaml",
        "kind: Kustomization\nimages:\n- name: a\n  newTag: v1\npatches:\n- patch: |-\n    - op: replace\n      path: /spec/image\n      value: acme/web:v1\n- patch: |\n    spec:\n      image: >-\n        acme/web:v1\nhelmCharts:\n- valuesInline: {image: {repository: acme/e, tag: v1}}\n",
    ),
    (
        "compose.yaml",
        "services:\n  a:\n    image: ${A:-acme/a:v1}\n  b: {image: \"acme/b:${T:-v1}\", build: .}\n  c:\n    image: &c acme/c:v1\nx-d:\n  image: *c\n",
    ),
    (
        ".github/workflows/ci.yaml",
        "jobs:\n  a:\n    container: acme/a:v1\n    services: {b: {image: acme/b:v1}}\n    steps:\n    - uses: 'docker://acme/c:v1'\n",
    ),
    (
        "release.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\nspec:\n  url: oci://ghcr.io/acme/m\n  ref: {tag: v1}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nspec:\n  values:\n    image: {repository: acme/web, tag: v1}\n",
    ),
    (
        "maps.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\ndata:\n  values.yaml: |\n    # c\n    image:\n      repository: acme/web\n      tag: v1 # x\n  pod.yaml: |-\n    apiVersion: v1\n    kind: Pod\n    spec: {containers: [{image: 'acme/job:v1'}]}\n",
    ),
    (
        "helmfile.yaml",
        "repositories:\n- {name: acme, url: ghcr.io/acme, oci: true}\nreleases:\n- chart: acme/web\n  version: 1.2.3 # c\n- {chart: 'oci://ghcr.io/acme/x', version: \"1.2.3\"}\n",
    ),
    (
        "Chart.yaml",
        "name: x\ndependencies:\n- name: web\n  version: 1.2.3\n  repository: oci://ghcr.io/acme\nannotations:\n  artifacthub.io/images: |\n    - image: acme/web:v1\n",
    ),
    (
        "charts.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec:\n  chart: {spec: {chart: web, version: 1.2.3, sourceRef: {kind: HelmRepository, name: acme}}}\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: acme}\nspec: {url: 'oci://ghcr.io/acme'}\n---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {chart: {spec: {version: 1.2.3}}}\n",
    ),
    ("patch.json", "[{\"op\": \"replace\", \"path\": \"/spec/image\", \"value\": \"acme/web:v1\"}]\n"),
    ("Dockerfile", "FROM acme/web:v1 AS a\nFROM acme/b:v1 # landwaiter: web\n# landwaiter-hold: x\nFROM a\n"),
    ("odd.conf", "web: {version: v1, image: acme/web:v1}\nvalues:\n  image: acme/web:v1\n"),
    (
        "templates/web.yaml",
        "{{ if x }}\na:\n- image: acme/web:v1 # landwaiter: web\n  tag: \"v1\" # landwaiter: web:tag\n{{ end }}\n",
    ),
];

const WORDS: &[&str] = &[
    "image",
    ": ",
    "\n",
    "\n  ",
    "\n        ",
    "- ",
    "v1",
    "{",
    "}",
    "[",
    "]",
    ", ",
    "\"",
    "'",
    " ",
    "#",
    " # x",
    "&a ",
    "*c",
    "|",
    ">-",
    "? ",
    "---\n",
    "\t",
    "é",
    "~",
    "\r\n",
    "${",
    "}",
    "{{",
    "}}",
    "=",
    "tag: v1\n",
    "\u{feff}",
    "\\",
    "@",
    "!!str ",
    "\u{2028}",
    "FROM a:1\n",
    " # landwaiter: web",
    "\r",
];

fn declared() -> Declarations {
    let files = |glob: &str| vec![globset::Glob::new(glob).unwrap().compile_matcher()];
    let location = |glob: &str, place| Location { files: files(glob), place, image: None };
    Declarations {
        locations: vec![
            location("Dockerfile", Placed::Pattern(regex::Regex::new(r"(?m)^FROM (?P<image>\S+)").unwrap())),
            location("odd.conf", Placed::Path(Way::parse("web.image").unwrap(), Part::Whole)),
            location("odd.conf", Placed::Path(Way::parse("web.version").unwrap(), Part::Tag)),
            location("odd.conf", Placed::Values(Way::parse("values").unwrap())),
        ],
        templates: ["web".to_owned()].into(),
    }
}

fn target(reference: &Reference, tag: &str) -> Target {
    let name = reference.name.is_none().then(|| "ghcr.io/acme/web".to_owned());
    // A chart has versions of three numbers.
    let is_chart = reference.slots.iter().any(|slot| slot.setting.version);
    let tag = match (is_chart, tag) {
        (false, tag) => tag,
        (true, "v1") => "1.2.3",
        (true, _) => "2.10.0_b1",
    };
    Target { name, tag: Tag::parse(tag).ok(), digest: reference.digest.clone() }
}

fn open(scan: &Scan) -> Vec<&Reference> {
    scan.references.iter().filter(|reference| reference.blocked.is_none() && reference.tag.is_some()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn in_odd_files_of_every_shape_an_edit_is_proven_or_refused(
        (path, text) in prop::sample::select(FILES),
        words in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(WORDS)), 0..5)
    ) {
        let mut text = text.to_owned();
        for (at, word) in words {
            let at = (0..=text.len()).rev().skip(at.index(text.len() + 1)).find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, word);
        }
        let declared = declared();
        let found = declared.scan(path, text.as_bytes()).alone(path, text.as_bytes());
        for reference in open(&found) {
            let mut to = target(reference, "1.10");
            to.digest = Some(Digest::parse(&format!("sha256:{}", "0c".repeat(32))).unwrap());
            if plan_action(reference, &to).is_err() {
                to.digest = reference.digest.clone();
            }
            match apply(text.as_bytes(), &[Edit { reference, to: to.clone() }]) {
                Ok(edited) => {
                    let after = declared.scan(path, &edited.bytes).alone(path, &edited.bytes);
                    let same = after.references.iter().find(|other| other.path == reference.path && other.line == reference.line);
                    prop_assert_eq!(after.references.len(), found.references.len(), "{:?}", text);
                    prop_assert_eq!(same.and_then(|other| other.tag.as_deref()), to.tag.as_ref().map(Tag::as_str), "{:?}", text);
                }
                Err(EditError::Unproven(why)) => prop_assert!(false, "{}: {:?}", why, text),
                Err(_) => {}
            }
        }
    }
}

#[test]
fn in_good_files_all_edits_go_there_and_back() {
    let declared = declared();
    for (path, text) in FILES {
        let before = declared.scan(path, text.as_bytes()).alone(path, text.as_bytes());
        let edits = open(&before).into_iter().map(|r| Edit { reference: r, to: target(r, "1.10") }).collect::<Vec<_>>();
        assert!(!edits.is_empty(), "{path}");
        let there = apply(text.as_bytes(), &edits).unwrap_or_else(|error| panic!("{path}: {error}")).bytes;
        let after = declared.scan(path, &there).alone(path, &there);
        let moved = open(&after)
            .into_iter()
            .filter(|r| matches!(r.tag.as_deref(), Some("1.10" | "2.10.0_b1")))
            .collect::<Vec<_>>();
        assert_eq!(moved.len(), edits.len(), "{path}: {}", String::from_utf8_lossy(&there));
        let edits = moved.into_iter().map(|r| Edit { reference: r, to: target(r, "v1") }).collect::<Vec<_>>();
        let back = String::from_utf8(apply(&there, &edits).unwrap().bytes).unwrap();
        // A plain tag that reads as a number got quotes on the way there, and keeps them.
        assert_eq!(back.replace("\"v1\"", "v1"), text.replace("\"v1\"", "v1"), "{path}");
    }
}
