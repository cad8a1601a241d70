//! Renders an error as `application/problem+json` (RFC 9457); which error it is, is decided elsewhere.

use serde_json::{Map, Value};

use super::error::Code;

/// Media type of every error body.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// `type` of a 429 (draft-ietf-httpapi-ratelimit-headers-11 section 6).
pub const QUOTA_EXCEEDED_TYPE: &str =
    "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// `Retry-After` in seconds where nobody can know better: a store that cannot be used, places that are all taken.
pub const RETRY_SECONDS: u16 = 1;

/// An error on its way to a client.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The table's row.
    pub code: Code,
    /// What to say instead of the row's `detail`; public text.
    pub detail: Option<String>,
    /// Further members, such as `violated-policies` or `errors`.
    pub extra: Map<String, Value>,
}

impl Problem {
    /// An error with the table's own text.
    pub fn new(code: Code) -> Self {
        Self {
            code,
            detail: None,
            extra: Map::new(),
        }
    }

    /// Says something more exact than the table.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = Some(text.into());
        self
    }

    /// Adds a member.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.extra.insert(name.to_owned(), value);
        self
    }

    /// The JSON body. `docs` is the portal's public URL, without a trailing slash.
    pub fn body(&self, docs: &str, request_id: &str) -> Vec<u8> {
        let row = self.code.row();
        let kind = if row.status == 429 {
            QUOTA_EXCEEDED_TYPE.to_owned()
        } else {
            format!("{docs}/docs/errors/{}", row.code)
        };
        let mut m = Map::new();
        m.insert("type".into(), kind.into());
        m.insert("title".into(), row.title.into());
        m.insert("status".into(), row.status.into());
        m.insert(
            "detail".into(),
            self.detail.as_deref().unwrap_or(row.detail).into(),
        );
        m.insert("code".into(), row.code.into());
        m.insert("request_id".into(), request_id.into());
        m.extend(self.extra.clone());
        let mut body = Value::Object(m).to_string().into_bytes();
        body.push(b'\n');
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_the_contract() {
        let b = Problem::new(Code::InvalidKey).body("https://p.example", "r1");
        let v: Value = serde_json::from_slice(&b).unwrap();
        assert_eq!(v["type"], "https://p.example/docs/errors/invalid_key");
        assert_eq!(v["status"], 401);
        assert_eq!(v["code"], "invalid_key");
        assert_eq!(v["request_id"], "r1");
        let b = Problem::new(Code::RateLimited)
            .with("violated-policies", serde_json::json!(["burst"]))
            .body("https://p.example", "r1");
        let v: Value = serde_json::from_slice(&b).unwrap();
        assert_eq!(v["type"], QUOTA_EXCEEDED_TYPE);
        assert_eq!(v["violated-policies"][0], "burst");
    }
}
