//! Tables of shapes and families.

use super::*;
use proptest::prelude::*;

fn shape(tag: &str) -> Shape<'_> {
    Shape::read(tag).unwrap_or_else(|| panic!("{tag} has no shape"))
}

#[test]
fn tags_are_taken_apart() {
    for (tag, version, family) in [
        ("v1.2.3", "1.2.3", "v#.#.#"),
        ("1.2", "1.2.0", "#.#"),
        ("1.2.3-alpine3.19", "1.2.3", "#.#.#-alpine#.#"),
        ("1.2.3-rc.1", "1.2.3-rc.1", "#.#.#"),
        ("1.2.3-rc.01", "1.2.3-rc.1", "#.#.#"),
        ("1.2.3-rc.1-alpine3.19", "1.2.3-rc.1", "#.#.#-alpine#.#"),
        ("1.2.3b5", "1.2.3-b5", "#.#.#"),
        ("7.4.0RC3-fpm-alpine3.10", "7.4.0-RC3", "#.#.#-fpm-alpine#.#"),
        ("2.1.0-preview2.1-sdk", "2.1.0-preview2.1", "#.#.#-sdk"),
        ("22-ea-7-windowsservercore-1809", "22.0.0-ea.7", "#-windowsservercore-#"),
        ("1.1.0-sdk-msbuild-rc3-nanoserver", "1.1.0-rc3", "#.#.#-sdk-msbuild-nanoserver"),
        ("3.0.0-m1", "3.0.0-m1", "#.#.#"),
        ("1.2.3-SNAPSHOT", "1.2.3-SNAPSHOT", "#.#.#"),
        ("1.2.3.Final", "1.2.3", "#.#.#.Final"),
        ("1.2.3-m", "1.2.3", "#.#.#-m"),
        ("1.2.3-nextjs", "1.2.3", "#.#.#-nextjs"),
        ("1.1.1w", "1.1.1", "#.#.#w"),
        ("21.0.10_7-jre", "21.0.10", "#.#.#_#-jre"),
        ("11.6.0-debian-9-r0", "11.6.0", "#.#.#-debian-#-r#"),
        ("1.2.3-4-gabc1234", "1.2.3", "#.#.#-#-@"),
        ("1.20240101.5-abcdef1", "1.20240101.5", "#.#.#-@"),
        ("1.25.4-alpine-arm64", "1.25.4", "#.#.#-alpine-arm64"),
        ("2.1-bionic-arm32v7", "2.1.0", "#.#-bionic-arm32v7"),
        ("1.0.0-x86_64", "1.0.0", "#.#.#-x86_64"),
    ] {
        assert_eq!(shape(tag).version().to_string(), version, "{tag}");
        assert_eq!(shape(tag).key(Family::Compatible), family, "{tag}");
    }
    for tag in ["", "latest", "V1.0", "1.2.3.4", "alpine3.19", "jdk-11.0.1", "99999999999999999999.0.0"] {
        assert_eq!(Shape::read(tag), None, "{tag}");
    }
}

#[test]
fn an_exact_family_keeps_its_suffix() {
    assert_eq!(shape("1.2.3-alpine3.19").key(Family::Exact), "#.#.#-alpine3.19");
    assert_eq!(shape("1.2.3-rc.1-alpine3.19").key(Family::Exact), "#.#.#-alpine3.19");
}

#[test]
fn a_family_has_one_order() {
    for pair in [
        "1.2.3b5 1.2.3b10",
        "1.2.3b10 1.2.3",
        "1.2.3-rc.1 1.2.3",
        "1.2.3-alpine3.19 1.2.3-alpine3.20",
        "1.2.3-alpine3.20 1.2.4-alpine3.19",
        "21.0.10_7-jre 21.0.10_11-jre",
        "11.6.0-debian-9-r5 11.6.0-debian-10-r1",
        "1.2.3-4-gabc1234 1.2.3-12-g0000001",
        "1.2.9 1.10.0",
        "1.2.3-99999999999999999998 1.2.3-99999999999999999999",
    ] {
        let (lower, higher) = pair.split_once(' ').unwrap();
        assert_eq!(shape(lower).compare(&shape(higher)), Ordering::Less, "{pair}");
        assert_eq!(shape(higher).compare(&shape(lower)), Ordering::Greater, "{pair}");
    }
    assert_eq!(shape("1.2.3-abc1234").compare(&shape("1.2.3-def5678")), Ordering::Equal);
}

#[test]
fn families_have_names_for_people() {
    for (tag, name) in [
        ("v1.2.3-alpine3.19", "v + 3 parts + -alpine*"),
        ("17", "1 part"),
        ("1.2.3-4-gabc1234", "3 parts + -*-<commit>"),
        ("1.2.3-rc.1", "3 parts"),
    ] {
        assert_eq!(shape(tag).describe(Family::Compatible), name);
    }
    assert_eq!(shape("1.2-alpine3.19").describe(Family::Exact), "2 parts + -alpine3.19");
}

#[test]
fn texts_without_versions_have_families_too() {
    let key = key_of_text;
    assert_eq!(key("RELEASE.2024-01-01T00-00-00Z"), key("RELEASE.2025-12-31T23-59-59Z"));
    assert_ne!(key("RELEASE.2024-01-01T00-00-00Z"), key("RELEASE.2024-01-01T00-00-00Z.fips"));
    assert_eq!(key("main-abc1234-1700000001"), key("main-def5678-1800000001"));
    assert_eq!(key("bookworm"), None);
}

proptest! {
    #[test]
    fn any_text_is_answered(tag in any::<String>()) {
        if let Some(shape) = Shape::read(&tag) {
            shape.version();
            shape.key(Family::Compatible);
            shape.describe(Family::Exact);
        }
        key_of_text(&tag);
    }

    #[test]
    fn the_order_is_total(tags in proptest::collection::vec("[0-2](\\.[0-2]){0,2}([-_]?(rc|a|b|alpine|r)[0-2]?){0,2}", 3)) {
        let mut shapes: Vec<Shape> = tags.iter().map(|tag| shape(tag)).collect();
        shapes.sort_by(|a, b| a.compare(b));
        prop_assert_ne!(shapes[0].compare(&shapes[2]), Ordering::Greater);
        prop_assert_eq!(shapes[0].compare(&shapes[2]), shapes[2].compare(&shapes[0]).reverse());
    }
}
