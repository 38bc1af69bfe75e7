//! The letters of what is written down: numbers, texts, lists, and records and cases made of them.
//!
//! A number is seven bits a byte, the lowest first. A text is its length and its bytes; one that is shared is written once
//! and then by its number. Nothing is padded and nothing is named: the order of the fields is the form. Reading never
//! trusts a length, and what does not fit is no value.

use crate::image::{Digest, Repository};
use std::collections::HashMap;
use std::sync::Arc;

/// How deep values may lie inside each other; what a scan holds is five deep.
const MAX_DEPTH: usize = 32;

/// What can be written and read back.
pub(super) trait Word: Sized {
    fn write(&self, out: &mut Out);
    fn read(from: &mut In<'_>) -> Option<Self>;
}

/// What is being written.
#[derive(Default)]
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    /// The shared texts so far, by their numbers.
    texts: HashMap<Arc<str>, usize>,
    /// Something could not be written, so that the whole is worth nothing.
    pub(super) failed: bool,
}

/// What is being read.
pub(super) struct In<'b> {
    rest: &'b [u8],
    texts: Vec<Arc<str>>,
    depth: usize,
}

impl Out {
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn text(&mut self, text: &str) {
        text.len().write(self);
        self.bytes.extend_from_slice(text.as_bytes());
    }
}

impl<'b> In<'b> {
    pub(super) fn of(bytes: &'b [u8]) -> In<'b> {
        In { rest: bytes, texts: Vec::new(), depth: 0 }
    }

    /// Whether all was read.
    pub(super) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<&'b str> {
        let length = usize::read(self)?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    /// Reads what lies inside of something.
    fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.depth += 1;
        let value = (self.depth <= MAX_DEPTH).then(|| read(self)).flatten();
        self.depth -= 1;
        value
    }
}

impl Word for usize {
    fn write(&self, out: &mut Out) {
        let mut left = *self;
        while left >= 0x80 {
            out.byte((left & 0x7f) as u8 | 0x80);
            left >>= 7;
        }
        out.byte(left as u8);
    }

    fn read(from: &mut In<'_>) -> Option<usize> {
        let mut value = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = from.byte()?;
            let part = usize::from(byte & 0x7f);
            let shifted = part << shift;
            if shifted >> shift != part {
                return None;
            }
            value |= shifted;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl Word for bool {
    fn write(&self, out: &mut Out) {
        out.byte(u8::from(*self));
    }

    fn read(from: &mut In<'_>) -> Option<bool> {
        match from.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl Word for String {
    fn write(&self, out: &mut Out) {
        out.text(self);
    }

    fn read(from: &mut In<'_>) -> Option<String> {
        from.text().map(str::to_owned)
    }
}

impl Word for Arc<str> {
    fn write(&self, out: &mut Out) {
        match out.texts.get(self) {
            Some(number) => (number + 1).write(out),
            None => {
                out.texts.insert(Arc::clone(self), out.texts.len());
                out.byte(0);
                out.text(self);
            }
        }
    }

    fn read(from: &mut In<'_>) -> Option<Arc<str>> {
        match usize::read(from)?.checked_sub(1) {
            Some(number) => from.texts.get(number).cloned(),
            None => {
                let text: Arc<str> = from.text()?.into();
                from.texts.push(Arc::clone(&text));
                Some(text)
            }
        }
    }
}

/// Texts of the program itself: only those of the list are read back.
pub(super) const PROGRAM_TEXTS: [&str; 6] = [
    "newTag",
    "digest",
    "Chart.lock",
    "requirements.lock",
    "`valueFiles` has a file that is not in this repository",
    "`valuesFrom` may name another than the chart does",
];

impl Word for &'static str {
    fn write(&self, out: &mut Out) {
        let known = PROGRAM_TEXTS.iter().position(|text| text == self);
        debug_assert!(known.is_some(), "`{self}` is missing in the list of the program's texts");
        out.failed |= known.is_none();
        known.unwrap_or(PROGRAM_TEXTS.len()).write(out);
    }

    fn read(from: &mut In<'_>) -> Option<&'static str> {
        PROGRAM_TEXTS.get(usize::read(from)?).copied()
    }
}

impl Word for Repository {
    fn write(&self, out: &mut Out) {
        out.text(self.as_str());
    }

    fn read(from: &mut In<'_>) -> Option<Repository> {
        let text = from.text()?;
        Repository::parse(text).ok().filter(|read| read.as_str() == text)
    }
}

impl Word for Digest {
    fn write(&self, out: &mut Out) {
        out.text(self.as_str());
    }

    fn read(from: &mut In<'_>) -> Option<Digest> {
        Digest::parse(from.text()?).ok()
    }
}

impl<T: Word> Word for Option<T> {
    fn write(&self, out: &mut Out) {
        self.is_some().write(out);
        if let Some(value) = self {
            value.write(out);
        }
    }

    fn read(from: &mut In<'_>) -> Option<Option<T>> {
        if bool::read(from)? { from.inside(T::read).map(Some) } else { Some(None) }
    }
}

impl<T: Word> Word for Vec<T> {
    fn write(&self, out: &mut Out) {
        self.len().write(out);
        self.iter().for_each(|value| value.write(out));
    }

    fn read(from: &mut In<'_>) -> Option<Vec<T>> {
        // A length that lies finds no values: each takes a byte at least, and room is made as they come.
        (0..usize::read(from)?).map(|_| from.inside(T::read)).collect()
    }
}

impl<T: Word> Word for Arc<T> {
    fn write(&self, out: &mut Out) {
        T::write(self, out);
    }

    fn read(from: &mut In<'_>) -> Option<Arc<T>> {
        T::read(from).map(Arc::new)
    }
}

/// Records, field by field. A field that is forgotten here does not compile.
macro_rules! records {
    ($($type:ty { $($field:ident),* $(,)? })*) => {$(
        impl Word for $type {
            fn write(&self, out: &mut Out) {
                let Self { $($field),* } = self;
                $($field.write(out);)*
            }

            fn read(from: &mut In<'_>) -> Option<Self> {
                Some(Self { $($field: Word::read(from)?),* })
            }
        }
    )*};
}

/// Cases, each with its number and what it holds. A case that is forgotten here does not compile.
macro_rules! cases {
    ($($type:ty { $($number:literal => $case:ident $(($one:ident))? $({ $($field:ident),* })?,)* })*) => {$(
        impl Word for $type {
            fn write(&self, out: &mut Out) {
                match self {
                    $(Self::$case $(($one))? $({ $($field),* })? => {
                        out.byte($number);
                        $($one.write(out);)?
                        $($($field.write(out);)*)?
                    })*
                }
            }

            fn read(from: &mut In<'_>) -> Option<Self> {
                Some(match from.byte()? {
                    $($number => {
                        $(let $one = Word::read(from)?;)?
                        $($(let $field = Word::read(from)?;)*)?
                        Self::$case $(($one))? $({ $($field),* })?
                    })*
                    _ => return None,
                })
            }
        }
    )*};
}

pub(super) use {cases, records};
