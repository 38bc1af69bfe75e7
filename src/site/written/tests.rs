//! Whatever a scan holds comes back as it was, and damaged bytes give nothing or something, never a panic.

use super::words::PROGRAM_TEXTS;
use super::*;
use crate::site::{Declarations, Layers};
use proptest::prelude::*;

/// One file for everything that a scan can hold.
const FILES: [(&str, &str); 12] = [
    (
        "pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: x}\nspec:\n  containers:\n  - image: 'ghcr.io/acme/web:1' # landwaiter: web\n  - image: a/b:1@sha256:0000000000000000000000000000000000000000000000000000000000000000 # landwaiter-hold: nobody knows until 2030-01-01\n",
    ),
    (
        "k/kustomization.yaml",
        "resources: [../b, 'https://x/y']\ncomponents: [../c]\nimages:\n- name: web\n  newTag: v1\n- name: api\n  newName: b/api\n  digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n- {name: web, newTag: v1}\n",
    ),
    (
        "app.yaml",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\nspec:\n  source:\n    path: charts/web\n    helm:\n      valueFiles: [values-prod.yaml, '../../../x.yaml']\n      values: |\n        image:\n          repository: ghcr.io/acme/web\n          tag: v1\n          digest: sha256:0000000000000000000000000000000000000000000000000000000000000000\n        sidecar: {image: {tag: v2}}\n",
    ),
    (
        "flux.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: x}\nspec:\n  chart: {spec: {chart: web, version: 1.4.2, sourceRef: {kind: HelmRepository, name: acme}}}\n  valuesFrom: [{kind: Secret, name: s}]\n  values: {image: {tag: v1}}\n",
    ),
    (
        "source.yaml",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: acme}\nspec: {type: oci, url: 'oci://ghcr.io/acme/charts'}\n---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\nmetadata: {name: old}\nspec: {url: 'https://acme.example.com'}\n",
    ),
    (
        "patch.yaml",
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {chart: {spec: {version: 1.4.1}}}\n",
    ),
    (
        "charts/web/Chart.yaml",
        "apiVersion: v2\nname: web\ndependencies:\n- {name: api, version: 1.4.2, repository: 'oci://ghcr.io/acme/charts'}\n",
    ),
    (
        "helmfile.yaml",
        "repositories:\n- {name: acme, url: ghcr.io/acme/charts, oci: true}\nreleases:\n- {name: web, chart: acme/web, version: 1.4.2, values: [more.yaml]}\n",
    ),
    ("charts/web/values-prod.yaml", "image: {tag: 1.4.1, registry: x.example.com}\n"),
    ("broken.yaml", "image: [\n---\nimage: x # landwaiter:\n"),
    ("compose.yaml", "services: {web: {image: 'nginx:1.27'}}\n"),
    ("flow.yaml", "images: [{name: web, newTag: v1}]\nkind: Kustomization\n"),
];

fn scans() -> impl Iterator<Item = Scan> {
    FILES.into_iter().map(|(path, text)| Declarations::default().scan(path, text.as_bytes()))
}

#[test]
fn every_scan_comes_back_as_it_was() {
    let (mut seen, mut bytes) = (String::new(), 0);
    for scan in scans() {
        let text = format!("{scan:?}");
        let written = write_scan(&scan).unwrap();
        assert_eq!(format!("{:?}", read_scan(&written).unwrap()), text);
        bytes += written.len();
        seen += &text;
    }
    assert!(bytes < seen.len() / 5, "{bytes} of {}", seen.len());
    // The files above must stay worth the name.
    for part in [
        "Waiting {",
        "Values {",
        "Chart(Chart",
        "Release {",
        "Unlocked(",
        "Alias {",
        "Object {",
        "Helmfile {",
        "Oci(",
        "Classic",
        "Within(",
        "InsertPoint {",
        "Line {",
        "Flow {",
        "RemovePoint {",
        "Skipped {",
        "Note {",
        "Marker {",
        "HandHold {",
        "inner: Some(",
        "digest: Some(",
        "doubt: Some(",
    ] {
        assert!(seen.contains(part), "no file shows {part}");
    }
    for text in PROGRAM_TEXTS.iter().filter(|text| **text != "requirements.lock") {
        assert!(seen.contains(text), "no file shows {text}");
    }
}

#[test]
fn a_kustomization_comes_back_as_it_was() {
    for (path, text) in FILES.iter().filter(|(path, _)| Layers::wants(path)) {
        let layer = Layer::read(path, text.as_bytes());
        assert!(layer.as_ref().is_some_and(|layer| layer.resources.len() == 2 && layer.images.len() == 3));
        assert_eq!(format!("{:?}", read_layer(&write_layer(&layer).unwrap()).unwrap()), format!("{layer:?}"));
    }
    assert!(read_layer(&write_layer(&None).unwrap()).unwrap().is_none());
}

#[test]
fn what_is_shared_stays_shared() {
    let lines = "- {name: web, newTag: v1}\n".repeat(500);
    let scan = Declarations::default()
        .scan("kustomization.yaml", format!("metadata: {{name: {}}}\nimages:\n{lines}", "x".repeat(100)).as_bytes());
    let written = write_scan(&scan).unwrap();
    let per_reference = written.len() / scan.open.references.len().max(scan.references.len());
    assert!(per_reference < 150, "{per_reference} bytes");
}

#[test]
fn what_lies_too_deep_or_lies_about_its_length_is_not_read() {
    assert!(read_scan(&[]).is_none());
    assert!(read_scan(&[0xff; 64]).is_none());
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    assert!(read_scan(&huge).is_none(), "a number of references that no memory holds");
    let mut more = write_scan(&Scan::default()).unwrap();
    assert!(read_scan(&more).is_some());
    more.push(0);
    assert!(read_scan(&more).is_none(), "more than was written");
}

proptest! {
    #[test]
    fn damage_is_no_panic(which in 0usize..12, at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let scan = scans().nth(which).unwrap();
        let mut written = write_scan(&scan).unwrap();
        let at = at.index(written.len());
        if cut {
            written.truncate(at);
            prop_assert!(read_scan(&written).is_none());
        } else {
            written[at] = byte;
            drop(read_scan(&written));
        }
    }

    #[test]
    fn numbers_come_back(number in any::<usize>()) {
        prop_assert_eq!(read::<usize>(&write(&number).unwrap()), Some(number));
    }
}
