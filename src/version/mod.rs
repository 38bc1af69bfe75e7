//! Orders for the texts that tags are: versions in ranges, dates, numbers of any length, words with numbers in them.
//!
//! | file | order |
//! |---|---|
//! | [`range`] | the range dialect that Flux, Argo CD, Helm and Kargo users know |
//! | [`tag`] | a tag read as a semantic version, the way Flux reads it |
//! | [`calver`] | calendar versions by calver.org's tokens |
//! | [`number`] | plain decimal numbers, exact at any length |
//! | [`natural`] | words in which numbers count as numbers |
//! | [`history`] | the commits of a branch |
//!
//! Everything here is pure and total: any text is answered, none panics, and the cost is linear in its length (of a history, linear
//! but for sorting).

pub mod calver;
pub mod history;
pub mod natural;
pub mod number;
pub mod range;
pub mod tag;
