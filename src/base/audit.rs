//! What a change carries besides itself: its audit entry and its Idempotency-Key; written in the same transaction, never after it.

use serde::{Deserialize, Serialize};

use super::clock::Timestamp;

/// Who did what, when and from where. It never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its id, `aud_…`.
    pub id: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Name of the admin token.
    pub token: String,
    /// The person behind the token (`X-Actor`), where the caller named one.
    pub actor: Option<String>,
    /// Network address of the caller.
    pub address: Option<String>,
    /// What was done, e.g. `key.create`.
    pub action: String,
    /// The account it concerns.
    pub account_id: Option<String>,
    /// Id of the thing it was done to.
    pub target: Option<String>,
    /// What changed: public values, before and after where it says something.
    pub details: serde_json::Value,
    /// Request id of the admin call.
    pub request_id: String,
}

/// The answer that a repeated call with the same Idempotency-Key gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotentAnswer {
    /// Token name, operation and the client's key: what must be equal for a call to be a repetition.
    pub key: String,
    /// SHA-256 of the request's body: another digest under the same key is a conflict.
    pub request_digest: [u8; 32],
    /// Status of the first answer.
    pub status: u16,
    /// Body of the first answer, without any secret.
    pub body: String,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

/// What a store writes together with a change, in one transaction.
#[derive(Debug, Clone)]
pub struct Change {
    /// The audit entry.
    pub audit: AuditEntry,
    /// The answer to remember, where the call had an Idempotency-Key. Its being there already is a `Conflict`.
    pub answer: Option<IdempotentAnswer>,
}
