//! Sets of bytes as tables, for checks that every request goes through; never what a set means.

/// A set of bytes: asking costs one look, whatever is in it.
#[derive(Debug, Clone)]
pub struct ByteSet([bool; 256]);

impl ByteSet {
    /// Nothing.
    pub const EMPTY: Self = Self([false; 256]);
    /// ASCII letters and digits.
    pub const ALPHANUMERIC: Self = Self::EMPTY
        .with_range(b'0', b'9')
        .with_range(b'A', b'Z')
        .with_range(b'a', b'z');
    /// ASCII control characters.
    pub const CONTROLS: Self = Self::EMPTY.with_range(0, 0x1f).with(b"\x7f");

    const fn with_range(mut self, first: u8, last: u8) -> Self {
        let mut b = first as usize;
        while b <= last as usize {
            self.0[b] = true;
            b += 1;
        }
        self
    }

    /// This set and `bytes`.
    pub const fn with(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0[bytes[at] as usize] = true;
            at += 1;
        }
        self
    }

    /// Whether `b` is in it.
    pub const fn has(&self, b: u8) -> bool {
        self.0[b as usize]
    }

    /// Whether every byte of `text` is in it.
    pub fn has_all(&self, text: &[u8]) -> bool {
        // No early end: texts are short and nearly always good, and so the loop has no branch.
        text.iter().fold(true, |all, b| all & self.has(*b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        const SET: ByteSet = ByteSet::ALPHANUMERIC.with(b"-_");
        for b in 0..=255_u8 {
            let wanted = b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            assert_eq!(SET.has(b), wanted, "{b}");
            assert_eq!(SET.has_all(&[b'a', b, b'z']), wanted, "{b}");
            assert_eq!(ByteSet::CONTROLS.has(b), b < 0x20 || b == 0x7f, "{b}");
            assert!(!ByteSet::EMPTY.has(b), "{b}");
        }
        assert!(SET.has_all(b""));
    }
}
