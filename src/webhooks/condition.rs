//! Conditions of event rules: one expression that is true or false; never what its answer leads to.

use cel::Value;

use super::expression::Expression;
use super::facts::Facts;

/// A compiled condition.
#[derive(Debug)]
pub struct Condition(Expression);

/// Whether `text` can be a condition: that it parses, knows every name and cannot cost more than its input is large.
///
/// # Errors
/// A sentence for whoever wrote it.
pub fn check_condition(text: &str) -> Result<(), String> {
    Condition::compile(text).map(drop)
}

impl Condition {
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

    /// Whether it looks at a body at all, so that a crash can lose its answer.
    pub fn needs_body(&self) -> bool {
        self.needs_request_body() || self.needs_response_body()
    }

    /// Whether it holds. Takes microseconds for small bodies; not for the proxy's threads where it needs one.
    ///
    /// # Errors
    /// What went wrong, for the log: a member that is not there, types that do not fit, an answer that is not a
    /// bool, or a panic in the evaluator.
    pub fn holds(&self, facts: &Facts) -> Result<bool, String> {
        match self.0.value(facts)? {
            Value::Bool(answer) => Ok(answer),
            other => Err(format!("the answer is a {}, not a bool", other.type_of())),
        }
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
