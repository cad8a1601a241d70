//! What a path had in the places of a template's names, as ranges of that path; never a copy of it.

use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::tree::Values;

/// Values of a route's `{name}` and `{*rest}`. They are ranges of the path that was matched, so that a request can keep
/// them beside its path; give the same path back to read them. Values are raw: still percent-encoded.
#[derive(Debug, Clone, Default)]
pub struct Params {
    names: Option<Arc<[Box<str>]>>,
    ranges: Values,
}

impl Params {
    pub(super) fn new(names: &Arc<[Box<str>]>, ranges: Values) -> Self {
        let names = (!names.is_empty()).then(|| Arc::clone(names));
        Self { names, ranges }
    }

    /// The raw value of `name` in `path`, the path that was matched.
    pub fn get<'p>(&self, path: &'p str, name: &str) -> Option<&'p str> {
        let names = self.names.as_deref()?;
        let at = names.iter().position(|n| **n == *name)?;
        let (start, end) = *self.ranges.get(at)?;
        path.get(start as usize..end as usize)
    }

    /// Names and raw values in the template's order.
    pub fn iter<'s, 'p: 's>(&'s self, path: &'p str) -> impl Iterator<Item = (&'s str, &'p str)> {
        let names = self.names.as_deref().unwrap_or_default();
        names.iter().zip(&self.ranges).map(|(name, &(start, end))| {
            let value = path.get(start as usize..end as usize);
            (&**name, value.unwrap_or_default())
        })
    }

    /// Names and values, percent-decoded.
    pub fn decoded(&self, path: &str) -> Vec<(String, String)> {
        self.iter(path)
            .map(|(name, value)| {
                let value = percent_decode_str(value).decode_utf8_lossy();
                (name.to_owned(), value.into_owned())
            })
            .collect()
    }
}
