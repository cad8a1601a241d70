//! Two things that a document says of one value, put together so that nothing of either is lost; never a check whether both can hold.

use super::rules::ANY;
use super::{Field, Shape};

impl Shape {
    /// Takes in what else holds. What both say, this one says nearer to the reader.
    pub(super) fn join(&mut self, more: Self) {
        // `array` becomes the `array of strings` that the other knows it to be.
        if self.kind.is_empty() || self.kind == ANY || more.kind.starts_with(&self.kind) {
            self.kind = more.kind;
        }
        self.name = self.name.take().or(more.name);
        self.is_nullable |= more.is_nullable;
        self.description = self.description.take().or(more.description);
        for rule in more.rules {
            if !self.rules.contains(&rule) {
                self.rules.push(rule);
            }
        }
        if self.values.is_empty() {
            self.values = more.values;
        }
        self.default = self.default.take().or(more.default);
        self.example = self.example.take().or(more.example);
        self.is_deprecated |= more.is_deprecated;
        self.direction = self.direction.or(more.direction);
        let own = std::mem::replace(&mut self.fields, more.fields);
        for field in own {
            put(&mut self.fields, field);
        }
        self.options.extend(more.options);
        self.is_cut |= more.is_cut;
    }
}

/// Puts a field behind others. A later part says more of a field than an earlier one.
pub(super) fn put(fields: &mut Vec<Field>, field: Field) {
    match fields.iter_mut().find(|f| f.name == field.name) {
        Some(known) => {
            known.is_required |= field.is_required;
            let before = std::mem::replace(&mut known.shape, field.shape);
            known.shape.join(before);
        }
        None => fields.push(field),
    }
}
