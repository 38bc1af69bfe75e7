//! Line numbers by byte offset, counted once for a text.

/// Where the lines of one text begin. Lines end with `\n`; a carriage return belongs to the line it ends.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Lines<'a> {
        let starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|at| at + 1));
        Lines { starts: starts.collect(), text }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The 1-based number of the line that holds byte `offset`; an offset past the end counts as the end.
    pub fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The first byte of the line that holds `offset`.
    pub fn start(&self, offset: usize) -> usize {
        self.starts[self.number(offset) - 1]
    }

    /// The byte after the line's last, its line break included.
    pub fn end(&self, offset: usize) -> usize {
        self.starts.get(self.number(offset)).copied().unwrap_or(self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_offset() {
        let lines = Lines::new("a\r\nbc\n\nd");
        let seen = |offset| (lines.number(offset), lines.start(offset), lines.end(offset));
        assert_eq!(seen(0), (1, 0, 3));
        assert_eq!(seen(2), (1, 0, 3));
        assert_eq!(seen(4), (2, 3, 6));
        assert_eq!(seen(6), (3, 6, 7));
        assert_eq!(seen(7), (4, 7, 8));
        assert_eq!(seen(99), (4, 7, 8));
    }
}
