//! The reference corpus: the same bytes on every machine but for the registry's port.

use super::run;
use std::fmt::{self, Write as _};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) const REPOSITORIES: usize = 1000;
pub(crate) const TAGS: usize = 500;
pub(crate) const OUTDATED: usize = 750;
/// One workload and five files without an image for each repository.
pub(crate) const FILES: usize = 6 * REPOSITORIES;

pub(crate) struct Corpus {
    pub(crate) repository: PathBuf,
    /// A curl configuration with every tag list.
    pub(crate) urls: PathBuf,
    base: String,
    bytes: usize,
}

impl fmt::Display for Corpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mb = self.bytes as f64 / 1e6;
        write!(
            f,
            "{REPOSITORIES} repositories with {TAGS} tags, {FILES} files ({mb:.1} MB), {OUTDATED} outdated references"
        )
    }
}

impl Corpus {
    pub(crate) fn make(folder: &Path, host: &str) -> Corpus {
        let urls = lists(folder, host);
        let repository = folder.join("git/config.git");
        let _ = fs::remove_dir_all(&repository);
        run("git", &["init", "--quiet", "--bare", "--initial-branch=main", &repository.to_string_lossy()]);
        run("git", &["-C", &repository.to_string_lossy(), "config", "http.receivepack", "true"]);
        run("git", &["-C", &repository.to_string_lossy(), "config", "gc.auto", "0"]);
        let files = files(host);
        let bytes = files.iter().map(|(_, text)| text.len()).sum();
        import(&repository, &files);
        run("git", &["-C", &repository.to_string_lossy(), "repack", "-adq"]);
        let base = run("git", &["-C", &repository.to_string_lossy(), "rev-parse", "main"]).trim().to_owned();
        Corpus { repository, urls, base, bytes }
    }

    /// Back to the first commit.
    pub(crate) fn reset(&self) {
        run("git", &["-C", &self.repository.to_string_lossy(), "update-ref", "refs/heads/main", &self.base]);
    }

    /// The run must have made exactly one commit that changes exactly the outdated files.
    pub(crate) fn verify(&self) -> String {
        let git = |arguments: &[&str]| run("git", &[&["-C", &self.repository.to_string_lossy()], arguments].concat());
        let commits = git(&["rev-list", "--count", &format!("{}..main", self.base)]);
        let changed = git(&["diff", "--shortstat", &self.base, "main"]);
        assert_eq!(commits.trim(), "1");
        let wanted = format!("{OUTDATED} files changed, {OUTDATED} insertions(+), {OUTDATED} deletions(-)");
        assert_eq!(changed.trim(), wanted);
        format!("{REPOSITORIES} tag lists expected; the commit changes {}", changed.trim())
    }
}

/// Writes every tag list where nginx finds it, and a curl configuration that asks for all of them.
pub(crate) fn lists(folder: &Path, host: &str) -> PathBuf {
    let lists = folder.join("www/v2/bench");
    let mut urls = String::from("parallel\nparallel-max = 50\nsilent\nfail\n");
    for app in 0..REPOSITORIES {
        let list = lists.join(format!("app-{app:04}/tags"));
        fs::create_dir_all(&list).unwrap();
        fs::write(list.join("list"), tag_list(app)).unwrap();
        writeln!(urls, "url = \"http://{host}/v2/bench/app-{app:04}/tags/list\"\noutput = \"/dev/null\"").unwrap();
    }
    let file = folder.join("urls");
    fs::write(&file, urls).unwrap();
    file
}

/// Versions 1.0.0 to 1.49.x, pre-releases, commit tags and the usual moving ones, in the order a registry gives: by bytes.
fn tag_list(app: usize) -> String {
    let mut tags: Vec<String> = vec!["latest".into(), "1".into(), "main".into()];
    let mut state = app as u64 * 2_654_435_761 + 1;
    for minor in 0..50 {
        for patch in 0..6 {
            tags.push(format!("1.{minor}.{patch}"));
        }
        tags.push(format!("1.{minor}.0-rc.1"));
    }
    while tags.len() < TAGS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tags.push(format!("sha-{:012x}", state >> 16));
    }
    tags.sort();
    let quoted: Vec<String> = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
    format!("{{\"name\":\"bench/app-{app:04}\",\"tags\":[{}]}}", quoted.join(","))
}

fn files(host: &str) -> Vec<(String, String)> {
    let mut files = vec![("landwaiter.yaml".to_owned(), policies(host))];
    for app in 0..REPOSITORIES {
        let folder = format!("teams/team-{:02}/app-{app:04}", app % 40);
        let tag = if app < OUTDATED { format!("1.{}.{}", app % 49, app % 6) } else { "1.49.5".to_owned() };
        files.push((format!("{folder}/deployment.yaml"), deployment(host, app, &tag)));
        files.push((format!("{folder}/service.yaml"), service(app)));
        files.push((format!("{folder}/configmap.yaml"), config_map(app)));
        files.push((format!("{folder}/ingress.yaml"), ingress(app)));
        files.push((format!("{folder}/hpa.yaml"), autoscaler(app)));
        files.push((format!("{folder}/kustomization.yaml"), kustomization(app)));
    }
    files
}

fn policies(host: &str) -> String {
    format!(
        "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: all\n    images: ['{host}/bench/*']\n    select: {{semver: '>=1.0 <2'}}\n"
    )
}

pub(crate) fn deployment(host: &str, app: usize, tag: &str) -> String {
    let mut text = format!(
        "# app-{app:04}: owned by team-{:02}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app-{app:04}\n  namespace: team-{:02}\nspec:\n  replicas: 3\n  selector:\n    matchLabels: {{app: app-{app:04}}}\n  template:\n    metadata:\n      labels: {{app: app-{app:04}}}\n    spec:\n      containers:\n        - name: main\n          image: {host}/bench/app-{app:04}:{tag} # released by CI\n          env:\n",
        app % 40,
        app % 40
    );
    for n in 0..40 {
        writeln!(text, "            - name: SETTING_{n:02}\n              value: \"{}\"", app * 31 + n).unwrap();
    }
    text.push_str(
        "          resources:\n            requests: {cpu: 100m, memory: 128Mi}\n            limits: {memory: 256Mi}\n",
    );
    text
}

pub(crate) fn service(app: usize) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: app-{app:04}\nspec:\n  selector: {{app: app-{app:04}}}\n  ports:\n    - name: http\n      port: 80\n      targetPort: 8080\n"
    )
}

pub(crate) fn config_map(app: usize) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app-{app:04}\ndata:\n  application.properties: |\n"
    );
    for n in 0..60 {
        writeln!(text, "    feature.{n:02}.enabled={}\n    feature.{n:02}.limit={}", n % 2 == 0, app + n).unwrap();
    }
    text
}

pub(crate) fn ingress(app: usize) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: app-{app:04}\nspec:\n  rules:\n    - host: app-{app:04}.example.com\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend:\n              service:\n                name: app-{app:04}\n                port: {{name: http}}\n"
    )
}

pub(crate) fn autoscaler(app: usize) -> String {
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: app-{app:04}\nspec:\n  minReplicas: 2\n  maxReplicas: 10\n  scaleTargetRef:\n    apiVersion: apps/v1\n    kind: Deployment\n    name: app-{app:04}\n"
    )
}

pub(crate) fn kustomization(app: usize) -> String {
    format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: team-{:02}\nresources:\n  - deployment.yaml\n  - service.yaml\n  - configmap.yaml\n  - ingress.yaml\n  - hpa.yaml\n",
        app % 40
    )
}

/// One commit with all files, by `git fast-import`.
pub(crate) fn import(repository: &Path, files: &[(String, String)]) {
    let mut child = Command::new("git")
        .args(["-C", &repository.to_string_lossy(), "fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "commit refs/heads/main\ncommitter Bench <bench@example.com> 1700000000 +0000\ndata 6\ncorpus")
        .unwrap();
    for (path, text) in files {
        writeln!(input, "M 100644 inline {path}\ndata {}\n{text}", text.len()).unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}
