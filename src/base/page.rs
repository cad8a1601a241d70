//! One page of a list: how many, from where, and where to go on; never how a store finds them.

/// Most entries of one page.
pub const MAX_LIMIT: u32 = 200;
/// Entries of a page when the caller says nothing.
pub const DEFAULT_LIMIT: u32 = 50;

/// What a caller asks of a list. `after` is the id (or opaque position) of the last entry already seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Entries wanted, 1 to [`MAX_LIMIT`].
    pub limit: u32,
    /// Where to go on; `None` from the beginning.
    pub after: Option<String>,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: DEFAULT_LIMIT,
            after: None,
        }
    }
}

/// One page of `T` and where the next begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in the list's order.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; `None` when this was the last.
    pub next: Option<String>,
}
