//! Reads an OpenAPI document by its references; never what is shown of it.

use serde_json::Value;

use crate::base::ceilings::docs::DOCS_REFERENCES;

/// A document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document<'d>(pub(crate) &'d Value);

impl<'d> Document<'d> {
    /// Follows local references, not without end. What leads nowhere is `null`, which has no members.
    pub(crate) fn resolve(self, value: &'d Value) -> &'d Value {
        self.named(value).1
    }

    /// Follows local references, and tells the name of the schema that the first of them leads to.
    pub(crate) fn named(self, value: &'d Value) -> (Option<&'d str>, &'d Value) {
        let mut at = value;
        let mut name = None;
        for _ in 0..DOCS_REFERENCES {
            let Some(reference) = at.get("$ref").and_then(Value::as_str) else {
                return (name, at);
            };
            if name.is_none() {
                let found = reference.strip_prefix("#/components/schemas/");
                name = found.filter(|n| has_page(n));
            }
            let target = reference.strip_prefix('#').and_then(|p| self.0.pointer(p));
            at = target.unwrap_or(&Value::Null);
        }
        (name, &Value::Null)
    }

    /// Members of an object in the document's order; none where it is something else.
    pub(crate) fn members(
        self,
        value: &'d Value,
        name: &str,
    ) -> impl Iterator<Item = (&'d str, &'d Value)> + use<'d> {
        let all = value.get(name).and_then(Value::as_object);
        all.into_iter().flatten().map(|(k, v)| (k.as_str(), v))
    }

    /// Entries of a list; none where it is something else.
    pub(crate) fn entries(value: &'d Value, name: &str) -> &'d [Value] {
        let all = value.get(name).and_then(Value::as_array);
        all.map(Vec::as_slice).unwrap_or_default()
    }
}

/// Whether the schema of this name has a page, of whose address it is a part.
pub(crate) fn has_page(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    name.bytes().all(is_plain) && name.bytes().any(|b| b.is_ascii_alphanumeric())
}

/// A text of an object.
pub(crate) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str().filter(|t| !t.trim().is_empty())
}

/// Whether an object says so.
pub(crate) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}
