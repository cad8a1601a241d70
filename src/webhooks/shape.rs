//! Shapes of event data: one expression whose value is what receivers get, as JSON that is always the same bytes; never a decision.

use cel::Value;
use cel::objects::{Key, Map};

use super::expression::Expression;
use super::facts::Facts;

/// A compiled shape.
#[derive(Debug)]
pub struct Shape(Expression);

/// Whether `text` can shape data: that it parses, knows every name and cannot cost more than its input is large.
///
/// # Errors
/// A sentence for whoever wrote it.
pub fn check_shape(text: &str) -> Result<(), String> {
    Shape::compile(text).map(drop)
}

impl Shape {
    /// Compiles `text`.
    ///
    /// # Errors
    /// A sentence for whoever wrote it.
    pub fn compile(text: &str) -> Result<Self, String> {
        Expression::compile(text).map(Self)
    }

    /// Whether it looks at the request's body.
    pub fn needs_request_body(&self) -> bool {
        self.0.needs().request_body
    }

    /// Whether it looks at the response's body.
    pub fn needs_response_body(&self) -> bool {
        self.0.needs().response_body
    }

    /// The data as JSON text of at most `most` bytes. Members are sorted by name, so that the same facts give the same
    /// bytes at any time and on any node.
    ///
    /// # Errors
    /// What went wrong, for the log: what [`super::condition::Condition::holds`] may say, a value that JSON has not, or
    /// more bytes than `most`. It holds nothing of a body but a member's name.
    pub fn data(&self, facts: &Facts, most: usize) -> Result<String, String> {
        let mut out = Json {
            text: String::new(),
            most,
        };
        out.value(&self.0.value(facts)?)?;
        Ok(out.text)
    }
}

/// JSON as it is written.
struct Json {
    text: String,
    most: usize,
}

impl Json {
    fn push(&mut self, text: &str) -> Result<(), String> {
        if self.text.len() + text.len() > self.most {
            return Err("the data is too large".to_owned());
        }
        self.text.push_str(text);
        Ok(())
    }

    fn string(&mut self, s: &str) -> Result<(), String> {
        // Before it is escaped: what is too long needs no copy.
        if s.len() > self.most {
            return Err("the data is too large".to_owned());
        }
        self.push(&serde_json::Value::from(s).to_string())
    }

    fn value(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Null => self.push("null"),
            Value::Bool(b) => self.push(if *b { "true" } else { "false" }),
            Value::Int(n) => self.push(&n.to_string()),
            Value::UInt(n) => self.push(&n.to_string()),
            Value::Float(n) => match serde_json::Number::from_f64(*n) {
                Some(n) => self.push(&n.to_string()),
                None => Err("JSON has no infinite number and no NaN".to_owned()),
            },
            Value::String(s) => self.string(s),
            Value::List(items) => self.list(items),
            Value::Map(members) => self.members(members),
            other => Err(format!("JSON has no {}", other.type_of())),
        }
    }

    fn list(&mut self, items: &[Value]) -> Result<(), String> {
        self.push("[")?;
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.push(",")?;
            }
            self.value(item)?;
        }
        self.push("]")
    }

    fn members(&mut self, members: &Map) -> Result<(), String> {
        let mut sorted = Vec::with_capacity(members.map.len());
        for (name, value) in members.map.iter() {
            let Key::String(name) = name else {
                return Err("JSON names members by strings only".to_owned());
            };
            sorted.push((name.as_str(), value));
        }
        sorted.sort_unstable_by_key(|(name, _)| *name);
        self.push("{")?;
        for (i, (name, value)) in sorted.into_iter().enumerate() {
            if i > 0 {
                self.push(",")?;
            }
            self.string(name)?;
            self.push(":")?;
            self.value(value)?;
        }
        self.push("}")
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
