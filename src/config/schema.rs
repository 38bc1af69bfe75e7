//! The JSON Schemas of our files, made from the declarations the readers use.
//!
//! `docs/schema/` holds copies that editors can be pointed at; a test compares them.

use super::policy_file::PolicyFile;
use super::settings_file::SettingsFile;
use super::shape::Shape;
use serde_json::{Value as Json, json};

/// The dialect that editors and validators know.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a policy file.
pub fn policy_schema() -> Json {
    titled("Landwaiter policies", PolicyFile::schema())
}

/// The schema of the settings.
pub fn settings_schema() -> Json {
    titled("Landwaiter settings", SettingsFile::schema())
}

fn titled(title: &str, schema: Json) -> Json {
    let mut whole = json!({ "$schema": DIALECT, "title": title });
    if let (Json::Object(whole), Json::Object(schema)) = (&mut whole, schema) {
        whole.extend(schema);
    }
    whole
}
