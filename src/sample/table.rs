//! One kind of record of one account, numbered and paged newest first; never its rules.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// The first number given out, so that ids look alike from the beginning.
const FIRST: u64 = 1001;

/// Records by number. An id is the prefix and the number, and is never given twice.
#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    prefix: &'static str,
    next: u64,
    rows: BTreeMap<u64, T>,
}

/// What a list asks for: how many, and the number before which to go on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) limit: usize,
    pub(super) before: Option<u64>,
}

/// One page as JSON.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    pub(super) data: Vec<T>,
    pub(super) next_cursor: Option<String>,
}

/// Reads a cursor that a [`List`] gave out.
pub(super) fn parse_cursor(text: &str) -> Option<u64> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

impl<T: Clone> Table<T> {
    pub(super) const fn new(prefix: &'static str) -> Self {
        Self {
            prefix,
            next: FIRST,
            rows: BTreeMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Adds what `make` makes of the new id.
    pub(super) fn insert(&mut self, make: impl FnOnce(String) -> T) -> T {
        let number = self.next;
        self.next += 1;
        let row = make(format!("{}{number}", self.prefix));
        self.rows.insert(number, row.clone());
        row
    }

    /// The number in `id`; ids are compared exactly, so `con_01001` is nobody.
    fn number(&self, id: &str) -> Option<u64> {
        let digits = id.strip_prefix(self.prefix)?;
        let canonical = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse().ok().filter(|_| canonical)
    }

    pub(super) fn get(&self, id: &str) -> Option<&T> {
        self.rows.get(&self.number(id)?)
    }

    pub(super) fn get_mut(&mut self, id: &str) -> Option<&mut T> {
        let number = self.number(id)?;
        self.rows.get_mut(&number)
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<T> {
        let number = self.number(id)?;
        self.rows.remove(&number)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.values_mut()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.rows.retain(|_, row| keep(row));
    }

    /// Forgets the oldest beyond `most`.
    pub(super) fn trim(&mut self, most: usize) {
        while self.rows.len() > most {
            self.rows.pop_first();
        }
    }

    /// One page of the rows that `keep` keeps, newest first.
    pub(super) fn page(&self, window: Window, keep: impl Fn(&T) -> bool) -> List<T> {
        let end = window.before.unwrap_or(u64::MAX);
        let mut found = self
            .rows
            .range(..end)
            .rev()
            .filter(|(_, row)| keep(row))
            .peekable();
        let mut data = Vec::new();
        let mut last = None;
        while data.len() < window.limit {
            let Some((number, row)) = found.next() else {
                break;
            };
            data.push(row.clone());
            last = Some(*number);
        }
        let more = found.peek().is_some();
        List {
            data,
            next_cursor: last
                .filter(|_| more)
                .map(|n| URL_SAFE_NO_PAD.encode(n.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_go_on_where_the_last_ended_even_when_rows_come_and_go() {
        let mut t = Table::new("x_");
        for n in 0..5 {
            t.insert(|_| n);
        }
        let window = |before| Window { limit: 2, before };
        let first = t.page(window(None), |_| true);
        assert_eq!(first.data, [4, 3]);
        t.insert(|_| 5);
        t.remove("x_1003").unwrap();
        let cursor = parse_cursor(&first.next_cursor.unwrap());
        let second = t.page(window(cursor), |_| true);
        assert_eq!(second.data, [1, 0]);
        assert!(second.next_cursor.is_none());
    }

    #[test]
    fn only_the_exact_id_finds_a_row() {
        let mut t = Table::new("x_");
        t.insert(|id| id);
        assert!(t.get("x_1001").is_some());
        for id in ["x_01001", "x_+1001", "1001", "x_", "y_1001", "x_9999"] {
            assert!(t.get(id).is_none(), "{id}");
        }
    }

    #[test]
    fn a_cursor_that_was_not_given_out_is_refused() {
        for text in ["", "!", "bm90IGEgbnVtYmVy", "1001"] {
            assert!(parse_cursor(text).is_none(), "{text}");
        }
    }
}
