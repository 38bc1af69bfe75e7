//! A scan written down, so that the next run need not read the file again, and read back as it was.
//!
//! The form is ours alone and belongs to one version of this program: [`SCANNER`] names the program text that made it, and
//! what another made is not read. What cannot be read back is as good as forgotten.
//!
//! ```
//! use landwaiter::site::{read_scan, scan, write_scan};
//! let scan = scan("pod.yaml", b"kind: Pod\nspec: {containers: [{image: 'nginx:1.27'}]}\n");
//! let written = write_scan(&scan).unwrap();
//! assert_eq!(read_scan(&written).unwrap().references, scan.references);
//! assert!(read_scan(&written[1..]).is_none());
//! ```

mod words;

use super::chart::Registry;
use super::elsewhere::{Chart, Home, Layer, Open, Owner, Release, Rename, Sought, Source, Value, Waiting};
use super::{
    Document, HandHold, Inner, InsertForm, InsertPoint, Marker, Medium, Note, Part, Reference, RemovePoint, Scan,
    Setting, Shape, SkipReason, Skipped, Slot, Within,
};
use crate::text::Span;
use words::{In, Out, Word, cases, records};

/// What the references of a file depend on beside the file: the text of every module that has a part in it, and the versions of
/// what they use, as one number. `build.rs` makes it, so that no change can be forgotten.
pub const SCANNER: &str = env!("LANDWAITER_SCANNER");

/// Writes a scan down; `None` where it holds what cannot be.
pub fn write_scan(scan: &Scan) -> Option<Vec<u8>> {
    write(scan)
}

/// Reads back what [`write_scan`] wrote.
pub fn read_scan(bytes: &[u8]) -> Option<Scan> {
    read(bytes)
}

/// The same for a kustomization among others; `None` is one that cannot be read.
pub fn write_layer(layer: &Option<Layer>) -> Option<Vec<u8>> {
    write(layer)
}

/// Reads back what [`write_layer`] wrote.
pub fn read_layer(bytes: &[u8]) -> Option<Option<Layer>> {
    read(bytes)
}

fn write(value: &impl Word) -> Option<Vec<u8>> {
    let mut out = Out::default();
    value.write(&mut out);
    (!out.failed).then_some(out.bytes)
}

fn read<T: Word>(bytes: &[u8]) -> Option<T> {
    let mut from = In::of(bytes);
    T::read(&mut from).filter(|_| from.is_done())
}

records! {
    Scan { references, skipped, notes, open }
    Skipped { reason, detail }
    Note { line, text }
    Reference {
        line, document, path, shape, name, repository, tag, digest, marker, hold, slots, insert, remove, blocked,
    }
    Document { index, kind, namespace, name }
    Marker { policies, text }
    HandHold { reason, until, line }
    Slot { part, span, value, setting }
    Setting { before, after, version, medium }
    Within { scalar, text, span }
    InsertPoint { key, part, after, form, inner }
    RemovePoint { part, name, key, value, gone, inner }
    Inner<InsertPoint> { scalar, text, place }
    Inner<RemovePoint> { scalar, text, place }
    Span { start, end }
    Open { references, sources, releases, renames, outside, values }
    Waiting { reference, sought }
    Source { owner, registry, line }
    Release { namespace, name, document, chart }
    Chart { name, owner }
    Value { stem, sure, registry }
    Home { beside, chart, files, instead, release, inline, doubt }
    Layer { resources, components, images, makes }
    Rename { name, to }
}

cases! {
    SkipReason {
        0 => NotUtf8,
        1 => TooLarge,
        2 => NotYaml,
        3 => Template,
        4 => TooDeep,
        5 => UnreadablePath,
        6 => Unreadable,
    }
    Shape {
        0 => Kubernetes,
        1 => Kustomize,
        2 => Helm,
        3 => Flux,
        4 => Argo,
        5 => Compose,
        6 => Workflow,
        7 => Patch,
        8 => ClusterApi,
        9 => Declared,
        10 => Chart,
        11 => Marked,
    }
    Part {
        0 => Whole,
        1 => Name,
        2 => Tag,
        3 => Digest,
    }
    Medium {
        0 => Yaml,
        1 => Within(within),
        2 => Text,
        3 => Token,
    }
    InsertForm {
        0 => Line { column },
        1 => Flow { quoted },
    }
    Sought {
        0 => Values { value, home },
        1 => Chart(chart),
        2 => Release { namespace, name },
        3 => Unlocked(lock),
        4 => Alias { name, item },
    }
    Owner {
        0 => Object { namespace, name },
        1 => Helmfile { name },
    }
    Registry {
        0 => Oci(path),
        1 => Classic,
    }
}

#[cfg(test)]
mod tests;
