//! What a user reads of files that cannot be read, and that their neighbours are changed all the same.

use crate::world::World;
use std::fs;

const POLICIES: &str = "apiVersion: landwaiter/v1\nkind: ImagePolicies\npolicies:\n  - name: web\n    images: [reg.example.com/acme/web]\n    select: {semver: '*'}\n";
const POD: &str = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: reg.example.com/acme/web:1.0.0\n";

/// A world with one policy, one good file and these.
fn world(files: &[(&str, Vec<u8>)]) -> World {
    let world = World::new();
    world.push("acme/web", &["1.0.0", "1.1.0"]);
    world.write("landwaiter.yaml", POLICIES);
    world.write("good.yaml", POD);
    for (name, bytes) in files {
        fs::write(world.repo().join(name), bytes).unwrap();
    }
    world
}

fn then(more: &[u8]) -> Vec<u8> {
    [POD.as_bytes(), more].concat()
}

#[test]
fn each_bad_file_is_skipped_with_its_reason_and_its_neighbour_is_changed() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let deep = [&b"x: "[..], &[b'['].repeat(100_000)].concat();
    let rows: [(&str, Vec<u8>, &str, &str); 11] = [
        ("bom-inside.yaml", format!("a: 1\n---\n\u{feff}{POD}").into(), "not-yaml", "document 2, line 3: "),
        ("deep-block.yaml", then(&b"- ".repeat(100_000)), "not-yaml", "document 1, line 6: "),
        ("deep-flow.yaml", then(&deep), "too-deep", "document 1, line 6: "),
        ("huge.yaml", vec![b'#'; 100_000_000], "too-large", "100000000 bytes"),
        ("latin-1.yaml", then(b"# gr\xfcn\n"), "not-utf8", "line 6: not UTF-8"),
        (
            "nobody.yaml",
            then(b"x: *nobody\n"),
            "not-yaml",
            "document 1, line 6: while parsing node, found unknown anchor",
        ),
        ("nul.yaml", then(b"x: \0\n"), "not-yaml", "line 6: a NUL byte"),
        ("other-document.yaml", then(b"x: &a 1\n---\nimage: *a\n"), "not-yaml", "document 2, line 8: "),
        ("tabs.yaml", POD.replace("  ", "\t").into(), "not-yaml", "document 1, line 4: "),
        ("utf-16-bare.yaml", utf16(POD), "not-utf8", "UTF-16 text, only UTF-8 is read"),
        ("utf-16.yaml", [&[0xff, 0xfe][..], &utf16(POD)].concat(), "not-utf8", "UTF-16 text, only UTF-8 is read"),
    ];
    let files = rows.iter().map(|(name, bytes, ..)| (*name, bytes.clone())).collect::<Vec<_>>();
    let world = world(&files);
    let planned = world.landwaiter(&["plan"]);
    assert_eq!(planned.status, 0, "{}", planned.err);
    let skipped = planned.out.split("Skipped files\n").nth(1).unwrap_or_default();
    for (name, _, reason, detail) in &rows {
        let line = skipped.lines().find(|line| line.trim_start().starts_with(&format!("{name} ")));
        let line = line.unwrap_or_else(|| panic!("{name} is not named:\n{}", planned.out));
        let told = line.trim_start()[name.len()..].trim_start();
        let told = told.strip_prefix(reason).unwrap_or_else(|| panic!("{name}: {line}")).trim_start();
        assert!(told.starts_with(detail) && !told.ends_with(": "), "{name}: {line}");
    }
    let updated = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(updated.status, 0, "{}", updated.err);
    assert_eq!(world.read("good.yaml"), POD.replace("1.0.0", "1.1.0"));
    for (name, bytes) in &files {
        assert!(fs::read(world.repo().join(name)).unwrap() == *bytes, "{name} was touched");
    }
}

#[test]
fn odd_files_are_changed_at_the_value_alone_or_the_reference_says_why_not() {
    let level = |n: usize| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1);
    let laughs = format!("a0: &a0 [ha]\n{}", (1..40).map(level).collect::<String>());
    let world = world(&[]);
    let files = [
        ("billion-laughs.yaml", format!("{POD}{laughs}")),
        ("bom-between.yaml", format!("\u{feff}a: 1\n\u{feff}---\n{POD}")),
        ("crlf-and-lf.yaml", POD.replacen('\n', "\r\n", 2)),
        (
            "same-image-twice.yaml",
            POD.replace("    - image", "    - image: reg.example.com/acme/web:1.0.0\n      image"),
        ),
    ];
    for (name, text) in &files {
        world.write(name, text);
    }
    let twice = "image:\n  repository: reg.example.com/acme/web\n  tag: 1.0.0\n  tag: 1.0.0\n";
    world.write("values.yaml", twice);
    let updated = world.landwaiter(&["update", "--worktree"]);
    assert_eq!(updated.status, 0, "{}", updated.err);
    assert!(!updated.out.contains("Skipped files"), "{}", updated.out);
    for (name, text) in &files {
        assert_eq!(world.read(name), text.replace("1.0.0", "1.1.0"), "{name}");
    }
    assert_eq!(world.read("values.yaml"), twice);
    assert!(updated.out.contains("not-editable: a key stands twice in the mapping"), "{}", updated.out);
}
