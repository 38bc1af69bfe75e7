//! Orders for the texts that tags are: versions in ranges, numbers of any length.
pub mod range;
