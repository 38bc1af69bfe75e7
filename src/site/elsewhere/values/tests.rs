//! Tags that stand alone, and what of the repository names their image.

use super::super::tests::repository;
use super::*;

const BASE: &str = "image: {repository: ghcr.io/acme/web, tag: v1}\nproxy: {repository: ghcr.io/acme/proxy, tag: v1}\nfooImage: ghcr.io/acme/foo\nfooImageTag: v1\n";

const CHART: (&str, &str) = ("web/Chart.yaml", "name: web\n");

/// The tags that found their repository in these files; each that did not is told why.
fn resolved(files: &[(&str, &str)], notes: usize) -> Vec<String> {
    let (found, noted) = repository(files);
    assert_eq!(noted.len(), notes, "{noted:?} {found:?}");
    found
}

#[test]
fn a_values_file_finds_what_the_base_beside_it_names() {
    for (overlay, text, want) in [
        ("web/values-prod.yaml", "image: {tag: v2}\n", "ghcr.io/acme/web:v2"),
        ("web/prod-values.yaml", "image:\n  tag: v2\n", "ghcr.io/acme/web:v2"),
        ("web/values/prod.yaml", "image: {tag: v2}\n", "ghcr.io/acme/web:v2"),
        ("web/values-prod.yaml", "proxy: {tag: v2}\n", "ghcr.io/acme/proxy:v2"),
        ("web/values-prod.yaml", "fooImageTag: v2\n", "ghcr.io/acme/foo:v2"),
    ] {
        let found = resolved(&[CHART, ("web/values.yaml", BASE), (overlay, text)], 0);
        assert_eq!(found, [format!("{overlay}: {want}")]);
    }
}

#[test]
fn what_nobody_names_is_noted_with_what_was_looked_for() {
    for (overlay, text, notes, said) in [
        ("web/values-prod.yaml", "jobImage: {tag: v2}\n", 1, "in the same place of web/values.yaml"),
        ("other/values-prod.yaml", "image: {tag: v2}\n", 1, "beside it; a marker"),
        ("web/values-prod.yaml", "image: {registry: m.example.com, tag: v2}\n", 1, "may stand before it"),
        (
            "web/values-prod.yaml",
            "global: {imageRegistry: m.example.com}\nimage: {tag: v2}\n",
            1,
            "may stand before it",
        ),
        ("web/values-prod.yaml", "git: {tag: v2}\n", 0, ""),
        ("web/values-prod.yaml", "image: {tag: ''}\n", 0, ""),
    ] {
        let (found, noted) = repository(&[CHART, ("web/values.yaml", BASE), (overlay, text)]);
        assert_eq!((found.len(), noted.len()), (0, notes), "{text}: {noted:?}");
        assert!(noted.iter().all(|note| note.contains(said)), "{noted:?}");
    }
    assert_eq!(resolved(&[("web/values.yaml", "image: {tag: v1}\n")], 1), Vec::<String>::new());
}

#[test]
fn files_side_by_side_are_of_one_chart_only_where_a_chart_is() {
    for other in ["web/values-prod.yaml", "web/redis-values.yaml", "web/values/redis.yaml"] {
        let (found, noted) = repository(&[("web/values.yaml", BASE), (other, "image: {tag: v2}\n")]);
        assert_eq!((found.len(), noted.len()), (0, 1), "{other}");
        assert!(noted[0].contains("no Chart.yaml says that web/values.yaml is of the same chart"), "{noted:?}");
    }
}

#[test]
fn two_releases_of_one_name_do_not_name_each_other_s_images() {
    let release = |chart: &str, values: &str| format!("{RELEASE}  values: {values}\n").replace("./charts/web", chart);
    let redis = release("redis", "{image: {repository: ghcr.io/acme/redis, tag: v1}}");
    let memcached = release("memcached", "{image: {tag: v2}}");
    let (found, _) = repository(&[("a/cache.yaml", &redis), ("b/cache.yaml", &memcached)]);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_sibling_names_nothing_but_one_that_contradicts_leaves_the_tag_open() {
    let overlay = ("web/values-prod.yaml", "image: {tag: v2}\n");
    let sibling = ("web/values-eu.yaml", "image: {repository: eu.example.com/web, tag: v1}\n");
    let same = ("web/values-eu.yaml", "image: {repository: ghcr.io/acme/web, tag: v1}\n");
    assert!(resolved(&[overlay, sibling], 1).is_empty());
    assert!(resolved(&[CHART, ("web/values.yaml", BASE), overlay, sibling], 1).is_empty());
    assert_eq!(resolved(&[CHART, ("web/values.yaml", BASE), overlay, same], 0).len(), 1);
}

const RELEASE: &str = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: apps}\nspec:\n  chart: {spec: {chart: ./charts/web, sourceRef: {kind: GitRepository, name: x}}}\n";

#[test]
fn a_release_finds_what_the_chart_of_the_repository_names() {
    let (chart, base) = (("charts/web/Chart.yaml", "name: web\n"), ("charts/web/values.yaml", BASE));
    let values = "  values: {image: {tag: v2}}\n";
    let release = format!("{RELEASE}{values}");
    assert_eq!(resolved(&[chart, base, ("a.yaml", &release)], 0), ["a.yaml: ghcr.io/acme/web:v2"]);
    assert!(resolved(&[base, ("a.yaml", &release)], 1).is_empty(), "a folder without Chart.yaml is no chart");
    let doubtful = format!("{RELEASE}  valuesFrom: [{{kind: Secret, name: x}}]\n{values}");
    assert!(resolved(&[chart, base, ("a.yaml", &doubtful)], 1).is_empty());
    let remote = release.replace("GitRepository", "HelmRepository");
    assert!(resolved(&[chart, base, ("a.yaml", &remote)], 1).is_empty());
    let files = release.replace("sourceRef", "valuesFiles: [charts/web/prod.yaml], sourceRef");
    assert!(resolved(&[chart, base, ("a.yaml", &files)], 1).is_empty(), "a file that is not here may name another");
}

#[test]
fn a_patch_finds_what_the_release_names() {
    let release = format!("{RELEASE}  values: {{image: {{repository: ghcr.io/acme/web, tag: v1}}}}\n");
    let patch = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web}\nspec: {values: {image: {tag: v2}}}\n";
    assert_eq!(resolved(&[("base/a.yaml", &release), ("prod/a.yaml", patch)], 0), ["prod/a.yaml: ghcr.io/acme/web:v2"]);
    // Another patch may be of another environment: it names nothing, but it can contradict.
    let other = patch.replace("tag: v2", "tag: v3, repository: eu.example.com/web");
    assert!(resolved(&[("eu/a.yaml", &other), ("prod/a.yaml", patch)], 1).is_empty());
    assert!(resolved(&[("base/a.yaml", &release), ("eu/a.yaml", &other), ("prod/a.yaml", patch)], 1).is_empty());
    let elsewhere = release.replace("namespace: apps", "namespace: x");
    let named = patch.replace("name: web", "name: web, namespace: apps");
    assert!(resolved(&[("base/a.yaml", &elsewhere), ("prod/a.yaml", &named)], 1).is_empty());
}

#[test]
fn an_application_finds_what_its_own_values_or_its_chart_name() {
    let head = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: web}\nspec:\n  source:\n    path: charts/web\n    helm:\n";
    let (chart, base) = (("charts/web/Chart.yaml", "name: web\n"), ("charts/web/values.yaml", BASE));
    for values in [
        "      parameters: [{name: image.tag, value: v2}]\n",
        "      valuesObject: {image: {tag: v2}}\n",
        "      values: |\n        image:\n          tag: v2\n",
    ] {
        let text = format!("{head}{values}");
        assert_eq!(resolved(&[chart, base, ("a.yaml", &text)], 0), ["a.yaml: ghcr.io/acme/web:v2"], "{values}");
        let far = text.replace("helm:\n", "helm:\n      valueFiles: [$values/prod.yaml]\n");
        assert!(resolved(&[chart, base, ("a.yaml", &far)], 1).is_empty());
    }
    let own = format!(
        "{head}      parameters: [{{name: image.tag, value: v2}}]\n      valuesObject: {{image: {{repository: eu.example.com/web}}}}\n"
    );
    assert_eq!(resolved(&[chart, base, ("a.yaml", &own)], 0), ["a.yaml: eu.example.com/web:v2"]);
}

#[test]
fn many_files_cost_no_more_than_their_sum() {
    let overlays = (0..2_000).map(|n| (format!("web/values-{n}.yaml"), "image: {tag: v2}\n")).collect::<Vec<_>>();
    let mut files = vec![CHART, ("web/values.yaml", BASE)];
    files.extend(overlays.iter().map(|(path, text)| (path.as_str(), *text)));
    assert_eq!(resolved(&files, 0).len(), 2_000);
}

#[test]
fn the_parts_of_an_image_have_one_stem() {
    for (path, want) in [
        ("image.tag", "image."),
        ("image.repository", "image."),
        ("tag", "."),
        ("imageTag", "imageTag"),
        ("a.\"b.tag\"", "a.\"b.tag\""),
    ] {
        assert_eq!(stem(path), want);
    }
}
