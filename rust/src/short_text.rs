//! Short texts, kept without an allocation.

/// A text; up to `N` bytes are kept without an allocation.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ShortText<const N: usize>(Storage<N>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Storage<const N: usize> {
    /// The bytes behind the length are zero, so that equality and hash may use all of them.
    Inline(u8, [u8; N]),
    Heap(Box<[u8]>),
}

impl<const N: usize> ShortText<N> {
    /// The text `bytes`.
    #[inline]
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut here = [0; N];
        match (here.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(bytes);
                Self(Storage::Inline(length, here))
            }
            _ => Self(Storage::Heap(bytes.into())),
        }
    }

    /// The bytes of the text.
    #[inline]
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.0 {
            Storage::Inline(length, here) => here.get(..usize::from(*length)).unwrap_or_default(),
            Storage::Heap(bytes) => bytes,
        }
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes().is_empty()
    }
}

impl<const N: usize> Default for ShortText<N> {
    fn default() -> Self {
        Self(Storage::Inline(0, [0; N]))
    }
}

impl<const N: usize> std::fmt::Debug for ShortText<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.bytes()))
    }
}
