//! Why a client command failed, in words for people and as a process exit code; never a secret.

use std::fmt::Write;

use serde::Deserialize;

use super::print::clean;

/// One mistake that the admin API names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// Path of the field, empty for the whole request.
    #[serde(default)]
    pub field: String,
    /// What was expected.
    #[serde(default)]
    pub message: String,
}

/// An error of the admin API (RFC 9457), as far as people need it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The error in a few words.
    #[serde(default)]
    pub title: String,
    /// What is wrong here.
    #[serde(default)]
    pub detail: String,
    /// The word for programs.
    #[serde(default)]
    pub code: String,
    /// Id of the request.
    #[serde(default)]
    pub request_id: String,
    /// What is wrong field by field.
    #[serde(default)]
    pub errors: Vec<FieldError>,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Flags, environment or files that cannot be used as they are.
    #[error("{0}")]
    Usage(String),
    /// The admin API was not reached, or broke off.
    #[error("{url} cannot be reached: {cause}")]
    Unreachable {
        /// Where it was looked for.
        url: String,
        /// Why not.
        cause: String,
    },
    /// The admin API refused.
    #[error("{}", describe(.0))]
    Refused(Box<Refusal>),
    /// What answered is not the admin API, or a version that speaks otherwise.
    #[error("{0}")]
    Unexpected(String),
}

impl CliError {
    /// An error of whoever called the command.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(text.into())
    }

    /// What the process exits with: 1 refused or not understood, 2 used wrongly, 3 not reached.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Unexpected(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable { .. } => 3,
        }
    }
}

fn describe(refusal: &Refusal) -> String {
    let said = if refusal.detail.is_empty() {
        &refusal.title
    } else {
        &refusal.detail
    };
    let mut text = format!(
        "{} ({}, status {})",
        clean(said),
        clean(&refusal.code),
        refusal.status
    );
    for e in &refusal.errors {
        let (field, message) = (clean(&e.field), clean(&e.message));
        let _ = match field.is_empty() {
            true => write!(text, "\n  {message}"),
            false => write!(text, "\n  {field}: {message}"),
        };
    }
    if !refusal.request_id.is_empty() {
        let _ = write!(text, "\n  request id {}", clean(&refusal.request_id));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_field_by_field() {
        let body = r#"{"type":"x","title":"Not valid","status":422,"detail":"Some fields are not valid.","code":"invalid",
            "request_id":"r1","errors":[{"field":"scopes[0]","message":"no such scope"},{"field":"","message":"and\u001b[31m so on"}]}"#;
        let refusal: Refusal = serde_json::from_str(body).unwrap();
        let error = CliError::Refused(Box::new(refusal));
        assert_eq!(
            error.to_string(),
            "Some fields are not valid. (invalid, status 422)\n  scopes[0]: no such scope\n  and\u{fffd}[31m so on\n  request id r1"
        );
        assert_eq!(error.exit_code(), 1);
    }
}
