//! What a change carries besides itself: its audit entry and its Idempotency-Key; written in the same transaction, never after it.

use serde::{Deserialize, Serialize};

use super::ceilings::IDEMPOTENCY_TIME;
use super::clock::Timestamp;
use super::ids;

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

/// Who makes a change, as a call to the admin API knows it before the change is decided.
///
/// Services take a closure from what they made to its [`Change`] (`impl FnOnce(&KeyRecord) -> Change`), since the
/// remembered answer shows the object that the service is about to write.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Name of the admin token.
    pub token: String,
    /// The person behind the token (`X-Actor`), where the caller named one.
    pub actor: Option<String>,
    /// Network address of the caller.
    pub address: Option<String>,
    /// Request id of the call.
    pub request_id: String,
    /// When the call came.
    pub at: Timestamp,
    /// What makes a repetition of the call known, where it has an Idempotency-Key.
    pub repeatable: Option<Repeatable>,
}

/// What a repetition of a call is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repeatable {
    /// Token name, operation and the client's key.
    pub key: String,
    /// SHA-256 of the request's body.
    pub request_digest: [u8; 32],
}

impl Caller {
    /// A change of this caller's, to be written together with what it describes. `details` never hold a secret.
    pub fn change(
        &self,
        action: &str,
        account_id: Option<&str>,
        target: Option<&str>,
        details: serde_json::Value,
    ) -> Change {
        Change {
            audit: AuditEntry {
                id: ids::new(ids::AUDIT),
                at: self.at,
                token: self.token.clone(),
                actor: self.actor.clone(),
                address: self.address.clone(),
                action: action.to_owned(),
                account_id: account_id.map(str::to_owned),
                target: target.map(str::to_owned),
                details,
                request_id: self.request_id.clone(),
            },
            answer: None,
        }
    }

    /// Such a change with the answer that a repetition of the call will get: `body` without any secret.
    pub fn change_answered(
        &self,
        action: &str,
        account_id: Option<&str>,
        target: Option<&str>,
        details: serde_json::Value,
        answer: (u16, String),
    ) -> Change {
        let mut change = self.change(action, account_id, target, details);
        change.answer = self.repeatable.as_ref().map(|r| IdempotentAnswer {
            key: r.key.clone(),
            request_digest: r.request_digest,
            status: answer.0,
            body: answer.1,
            expires_at: self.at.plus(IDEMPOTENCY_TIME),
        });
        change
    }
}
