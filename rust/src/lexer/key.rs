//! Expected keys, compared sixteen bytes at a time.

const WORD: usize = 16;

/// A key as it is written after another field, `,"name":`.
pub(crate) struct ExpectedKey {
    text: Box<[u8]>,
    /// Its first sixteen bytes, and a mask of those that it has.
    head: u128,
    mask: u128,
}

impl ExpectedKey {
    pub(crate) fn new(name: &str) -> Self {
        let text: Box<[u8]> = format!(",\"{name}\":").into_bytes().into();
        let mut head = [0; WORD];
        let mut mask = [0; WORD];
        for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(&text) {
            (*head, *mask) = (*byte, u8::MAX);
        }
        Self {
            text,
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
        }
    }

    /// Bytes of the whole text.
    #[inline]
    pub(crate) const fn length(&self) -> usize {
        self.text.len()
    }

    /// Whether the text is at `at`.
    #[inline(always)]
    pub(crate) fn comes_at(&self, frame: &[u8], at: usize) -> bool {
        let rest = frame.get(at..).unwrap_or_default();
        match rest.first_chunk() {
            Some(word) if self.text.len() <= WORD => {
                (u128::from_le_bytes(*word) ^ self.head) & self.mask == 0
            }
            _ => rest.starts_with(&self.text),
        }
    }

    /// Whether the key follows the byte at `at`, the brace of its object.
    #[inline]
    pub(crate) fn comes_first_at(&self, frame: &[u8], at: usize) -> bool {
        let rest = frame.get(at + 1..).unwrap_or_default();
        self.text.get(1..).is_some_and(|key| rest.starts_with(key))
    }
}

#[cfg(test)]
mod tests {
    use super::ExpectedKey;

    #[test]
    fn a_key_is_found_where_it_stands_and_nowhere_else() {
        for name in ["a", "bid_qty", "exactly_ten_", "a_name_longer_than_a_word"] {
            let key = ExpectedKey::new(name);
            for padding in ["", "1", "1}]}                    "] {
                let frame = format!("[{{,\"{name}\":{padding}");
                let frame = frame.as_bytes();
                assert!(key.comes_at(frame, 2));
                assert_eq!(key.length(), name.len() + 4);
                assert!(!key.comes_at(frame, 1));
                assert!(!key.comes_at(frame, 3));
                assert!(!key.comes_at(&frame[..=key.length()], 2));
                assert!(!key.comes_at(frame, frame.len() + 1));
            }
            let first = format!("{{\"{name}\":");
            assert!(key.comes_first_at(first.as_bytes(), 0));
            assert!(!key.comes_first_at(first.as_bytes(), 1));
        }
    }
}
