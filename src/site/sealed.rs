//! Documents whose plain values are covered by a checksum: files that SOPS has encrypted.
//!
//! ```yaml
//! stringData: {password: "ENC[...]"}
//! spec: {image: "ghcr.io/acme/web:1.4.2"}    # not encrypted, and yet part of the checksum
//! sops:
//!   mac: ENC[...]
//! ```
//!
//! SOPS refuses to decrypt a document that was changed without it, unless `mac_only_encrypted` says that only encrypted values
//! count. So such references are found and blocked.

use super::view::View;

/// Why no value of the document may be changed.
pub(super) fn seal(view: &View<'_, '_>) -> Option<&'static str> {
    let sops = view.tree.get(view.tree.root()?, "sops")?;
    view.tree.get(sops, "mac")?;
    (view.text_at(sops, "mac_only_encrypted") != Some("true"))
        .then_some("SOPS has sealed the document with a checksum (`sops.mac`); edit it with `sops`")
}

#[cfg(test)]
mod tests {
    use crate::site::scan;

    #[test]
    fn what_a_checksum_covers_is_blocked() {
        let object = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: 'acme/web:v1'}]}\n";
        let text = "apiVersion: v1\nkind: ConfigMap\ndata:\n  values.yaml: |\n    image: acme/web:v1\n";
        for object in [object, text] {
            for (sops, blocked) in [
                ("sops: {mac: 'ENC[AES256_GCM,data:x]', version: 3.8.1}\n", true),
                ("sops: {mac: 'ENC[x]', mac_only_encrypted: true}\n", false),
                ("sops: {version: 1}\n", false),
                ("", false),
            ] {
                let found = scan("x.yaml", format!("{object}{sops}").as_bytes()).references;
                assert_eq!(found[0].blocked.is_some(), blocked, "{sops}");
            }
        }
    }
}
