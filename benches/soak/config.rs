//! The config repository: 1,000 images in 500 files, one policy for each hundred.

use super::IMAGES;
use super::registry::{Registry, TAGS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A bare repository below `folder`.
pub(crate) fn repository(folder: &Path, host: &str) -> PathBuf {
    let bare = folder.join("git/config.git");
    let work = folder.join("work");
    fs::create_dir_all(work.join("apps")).unwrap();
    let mut policies = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n".to_owned();
    for hundred in 0..IMAGES.div_ceil(100) {
        policies += &format!(
            "  - name: apps-{hundred}\n    images: ['{host}/soak/app{hundred:02}*']\n    select: {{semver: '1.x'}}\n"
        );
    }
    fs::write(work.join("landwaiter.yaml"), policies).unwrap();
    for file in 0..IMAGES / 2 {
        let container = |image: usize| {
            format!("        - name: c{image:04}\n          image: {host}/soak/app{image:04}:1.0.{}\n", TAGS - 1)
        };
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{file:03}}}\nspec:\n  template:\n    spec:\n      containers:\n{}{}",
            container(2 * file),
            container(2 * file + 1),
        );
        fs::write(work.join(format!("apps/d{file:03}.yaml")), text).unwrap();
    }
    let work = work.to_string_lossy().into_owned();
    git(&["init", "--quiet", "--initial-branch=main", &work]);
    git(&["-C", &work, "add", "--all"]);
    git(&["-C", &work, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit", "--quiet", "-m", "first"]);
    git(&["clone", "--quiet", "--bare", &work, &bare.to_string_lossy()]);
    git(&["-C", &bare.to_string_lossy(), "config", "http.receivepack", "true"]);
    bare
}

/// Whether the branch names the newest tag of every image.
pub(crate) fn is_newest(bare: &Path, registry: &Registry) -> bool {
    behind(bare, registry).is_empty()
}

/// Images that the branch names an older tag of.
pub(crate) fn behind(bare: &Path, registry: &Registry) -> Vec<String> {
    let found = git(&["-C", &bare.to_string_lossy(), "grep", "-h", "image:", "main", "--", "apps"]);
    let newest = registry.newest();
    let mut written = vec![None; IMAGES];
    for line in found.lines() {
        let (image, patch) = reference(line).unwrap();
        written[image] = Some(patch);
    }
    let old = (0..IMAGES).filter(|image| written[*image] != Some(newest[*image]));
    old.map(|image| format!("app{image:04}: {:?} instead of {}", written[image], newest[image])).collect()
}

/// The image's number and its patch version, of a line with a reference.
pub(crate) fn reference(line: &str) -> Option<(usize, u64)> {
    let (_, rest) = line.split_once("/soak/app")?;
    let (image, patch) = rest.split_once(":1.0.")?;
    Some((image.parse().ok()?, patch.parse().ok()?))
}

pub(crate) fn git(arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
