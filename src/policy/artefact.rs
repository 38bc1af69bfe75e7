//! Artefact tags: signatures, attestations and SBOMs that tools store beside an image under the digest of that image.
//!
//! `sha256-<64 hex>` and `sha512-<128 hex>`, alone (the OCI referrers fallback) or followed by `.sig`, `.att` or `.sbom`
//! (cosign). They name no image, yet the alphabetical order would choose them.

/// Whether the tag is one of these.
pub(super) fn is_artefact(tag: &str) -> bool {
    let (rest, length) = if let Some(rest) = tag.strip_prefix("sha256-") {
        (rest, 64)
    } else if let Some(rest) = tag.strip_prefix("sha512-") {
        (rest, 128)
    } else {
        return false;
    };
    let hex = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
    hex == length && matches!(&rest[hex..], "" | ".sig" | ".att" | ".sbom")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_digests_with_a_known_ending_are_artefacts() {
        let hash = "0a".repeat(32);
        for ending in ["", ".sig", ".att", ".sbom"] {
            assert!(is_artefact(&format!("sha256-{hash}{ending}")), "{ending}");
        }
        assert!(is_artefact(&format!("sha512-{hash}{hash}")));
        for other in [
            format!("sha256-{hash}.tar"),
            format!("sha256-{}", &hash[1..]),
            format!("sha256-{hash}0"),
            format!("sha512-{hash}"),
            "sha256".to_owned(),
            "sha-1a2b3c4".to_owned(),
        ] {
            assert!(!is_artefact(&other), "{other}");
        }
    }
}
