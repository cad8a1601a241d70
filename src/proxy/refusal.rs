//! A refusal as data: the code and what its answer must carry besides; never how it is written on a wire.

use std::borrow::Cow;

use crate::base::error::Code;
use crate::base::problem::RETRY_SECONDS;

/// Why a request does not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The table's row.
    pub code: Code,
    /// What to say instead of the row's detail; public text.
    pub detail: Option<Cow<'static, str>>,
    /// `Allow` of a 405.
    pub allow: Option<Cow<'static, str>>,
    /// Scopes that are missing, separated by spaces: `scope` of the challenge.
    pub missing_scopes: Option<String>,
    /// `Retry-After` in seconds.
    pub retry_after: Option<u64>,
    /// Names of the limits that are used up.
    pub violated: Vec<&'static str>,
}

impl Refusal {
    /// A refusal with the table's own text, and a `Retry-After` where the contract wants one.
    pub fn new(code: Code) -> Self {
        let retry_after = matches!(code, Code::StoreUnavailable | Code::Overloaded)
            .then_some(RETRY_SECONDS.into());
        Self {
            code,
            detail: None,
            allow: None,
            missing_scopes: None,
            retry_after,
            violated: Vec::new(),
        }
    }

    /// Says something more exact than the table.
    #[must_use]
    pub fn detail(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// A 405 that names the methods there are.
    pub fn method_not_allowed(allow: impl Into<Cow<'static, str>>) -> Self {
        Self {
            allow: Some(allow.into()),
            ..Self::new(Code::MethodNotAllowed)
        }
    }

    /// A 403 that names the scopes that are missing.
    pub fn insufficient_scope(missing: &[&str]) -> Self {
        let scopes = missing.join(" ");
        Self {
            detail: Some(format!("This API key lacks: {}.", missing.join(", ")).into()),
            missing_scopes: Some(scopes),
            ..Self::new(Code::InsufficientScope)
        }
    }

    /// A refusal that says when to come again.
    pub fn retry(code: Code, seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(code)
        }
    }
}
