//! References and decisions become changes and holds.
