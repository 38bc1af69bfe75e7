//! How a file's shape is declared: once, for the reader and for the JSON Schema, which therefore cannot drift apart.
//!
//! ```text
//! record! {
//!     /// What is done to tags before they are ordered.
//!     pub(super) struct Tags {
//!         /// Tags that this regular expression does not match are passed over.
//!         "match" => matching: Pattern,
//!     }
//!     refused { "pattern" => Refusal::Never("is called `match` here", "write `match: ...`") }
//! }
//!
//! words! { Order { "asc" => Order::Asc, "desc" => Order::Desc, } }
//! ```
//!
//! Keys and words are spelt as they stand in the file; `required` behind a key demands it; `..part: Part` takes over
//! another record's keys. What exists in the design but is not built yet is `refused`: the reader names it and says what
//! works today, and the schema does not offer it.

/// Declares a mapping: a struct whose fields are `Field`s, with its reader and its schema.
macro_rules! record {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $name:ident {
            $( $(#[doc = $doc:literal])* $key:literal $($required:ident)? => $field:ident: $type:ty, )*
            $( ..$part:ident: $part_type:ty, )?
        }
        $( refused { $( $bad:literal => $refusal:expr, )* } )?
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, Default)]
        $vis struct $name {
            $( $(#[doc = $doc])* $vis $field: $crate::config::shape::Field<$type>, )*
            $( $vis $part: $part_type, )?
        }

        impl $crate::config::shape::Record for $name {
            fn keys() -> Vec<&'static str> {
                [
                    vec![$($key),*],
                    $( <$part_type as $crate::config::shape::Record>::keys(), )?
                ]
                .concat()
            }

            fn required() -> Vec<&'static str> {
                let marks: &[(&'static str, &[&str])] = &[$(($key, &[$(stringify!($required))?])),*];
                marks.iter().filter(|(_, mark)| !mark.is_empty()).map(|(key, _)| *key).collect()
            }

            fn refused() -> Vec<$crate::config::shape::Refused> {
                [
                    vec![$( $(($bad, $refusal)),* )?],
                    $( <$part_type as $crate::config::shape::Record>::refused(), )?
                ]
                .concat()
            }

            fn take(
                entries: &$crate::config::shape::Entries<'_>,
                problems: &mut $crate::config::problems::Problems,
            ) -> Self {
                $name {
                    $( $field: entries.field($key, problems), )*
                    $( $part: <$part_type as $crate::config::shape::Record>::take(entries, problems), )?
                }
            }

            fn properties(into: &mut serde_json::Map<String, serde_json::Value>) {
                $( into.insert(
                    $key.to_owned(),
                    $crate::config::shape::described::<$type>(&$crate::config::shape::paragraph(&[$($doc),*])),
                ); )*
                $( <$part_type as $crate::config::shape::Record>::properties(into); )?
            }
        }

        impl $crate::config::shape::Shape for $name {
            fn read(
                node: &$crate::config::tree::Node,
                problems: &mut $crate::config::problems::Problems,
            ) -> Option<Self> {
                $crate::config::shape::read_record(node, problems)
            }

            fn schema() -> serde_json::Value {
                $crate::config::shape::record_schema::<Self>(&$crate::config::shape::paragraph(&[$($about),*]))
            }

            fn over(self, lower: Self) -> Self {
                $name {
                    $( $field: self.$field.over(lower.$field), )*
                    $( $part: self.$part.over(lower.$part), )?
                }
            }
        }
    };
}

/// Declares a closed list of words for a type that has one value for each.
macro_rules! words {
    (
        $type:ty {
            $( $word:literal => $value:expr, )*
        }
        $( refused { $( $bad:literal => $refusal:expr, )* } )?
    ) => {
        impl $crate::config::shape::Shape for $type {
            fn read(
                node: &$crate::config::tree::Node,
                problems: &mut $crate::config::problems::Problems,
            ) -> Option<Self> {
                let refused: &[$crate::config::shape::Refused] = &[$( $(($bad, $refusal)),* )?];
                let at = $crate::config::shape::read_word(node, &[$($word),*], refused, problems)?;
                let mut values = [$($value),*].into_iter();
                values.nth(at)
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "type": "string", "enum": [$($word),*] })
            }
        }
    };
}

pub(super) use record;
pub(super) use words;
