//! The names under which the fuzz target sees its inputs: each makes a difference to the shapes. Chosen by the input's length,
//! so that a corpus file is nothing but its text. `cargo test` replays the seeds under all of them.

pub(crate) const PATHS: [&str; 9] = [
    "kustomization.yaml",
    "values.yaml",
    "deploy/web.yaml",
    "compose.yaml",
    "helmfile.yaml",
    ".github/workflows/ci.yaml",
    ".argocd-source-web.yaml",
    "deploy/web.json",
    "web/Chart.yaml",
];
