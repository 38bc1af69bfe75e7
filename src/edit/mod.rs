//! Splices new values into the bytes of a file and proves that nothing else moved.
