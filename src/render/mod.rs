//! Plans, explanations and reports for people and machines.
