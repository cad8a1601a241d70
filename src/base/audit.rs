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

/// A call's Idempotency-Key, as the store remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Token name, operation and the client's key.
    pub key: String,
    /// SHA-256 of the request's body.
    pub request_digest: [u8; 32],
}

/// Who calls, from where and when: what turns a deed into a [`Change`].
#[derive(Debug, Clone)]
pub struct ChangeContext {
    /// The instant of the call.
    pub at: Timestamp,
    /// Name of the admin token.
    pub token: String,
    /// The person behind the token, where the caller named one.
    pub actor: Option<String>,
    /// Network address of the caller.
    pub address: Option<String>,
    /// Request id of the call.
    pub request_id: String,
    /// The call's Idempotency-Key, where it had one.
    pub idempotency: Option<Idempotency>,
}

impl ChangeContext {
    /// A change of the gateway's own making, such as `demo` creating its key.
    pub fn internal(at: Timestamp, token: &str) -> Self {
        Self {
            at,
            token: token.to_owned(),
            actor: None,
            address: None,
            request_id: super::ids::request_id(),
            idempotency: None,
        }
    }

    /// The audit entry of a deed. `details` are public values only.
    pub fn entry(
        &self,
        action: &str,
        account_id: Option<&str>,
        target: Option<&str>,
        details: serde_json::Value,
    ) -> AuditEntry {
        AuditEntry {
            id: super::ids::new(super::ids::AUDIT),
            at: self.at,
            token: self.token.clone(),
            actor: self.actor.clone(),
            address: self.address.clone(),
            action: action.to_owned(),
            account_id: account_id.map(str::to_owned),
            target: target.map(str::to_owned),
            details,
            request_id: self.request_id.clone(),
        }
    }

    /// A change that leaves no answer to repeat.
    pub fn change(
        &self,
        action: &str,
        account_id: Option<&str>,
        target: Option<&str>,
        details: serde_json::Value,
    ) -> Change {
        Change {
            audit: self.entry(action, account_id, target, details),
            answer: None,
        }
    }
}

impl Change {
    /// Remembers `status` and `body` for a repetition of the call, where it had an Idempotency-Key. `body` must be
    /// free of secrets: a secret is in exactly one response, ever, so that a repetition does not show it.
    #[must_use]
    pub fn answered(mut self, ctx: &ChangeContext, status: u16, body: &serde_json::Value) -> Self {
        self.answer = ctx.idempotency.as_ref().map(|i| IdempotentAnswer {
            key: i.key.clone(),
            request_digest: i.request_digest,
            status,
            body: body.to_string(),
            expires_at: ctx.at.plus(super::ceilings::IDEMPOTENCY_TIME),
        });
        self
    }
}

/// The members that differ between two objects, as `{name: {from, to}}`: what an audit entry says of a change.
pub fn differences(before: &serde_json::Value, after: &serde_json::Value) -> serde_json::Value {
    let (Some(b), Some(a)) = (before.as_object(), after.as_object()) else {
        return serde_json::Value::Null;
    };
    let names = a.keys().chain(b.keys().filter(|n| !a.contains_key(*n)));
    names
        .filter(|n| b.get(*n) != a.get(*n))
        .map(|n| {
            (
                n.clone(),
                serde_json::json!({"from": b.get(n), "to": a.get(n)}),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_remembered_only_for_a_call_with_an_idempotency_key() {
        let mut ctx = ChangeContext::internal(Timestamp::from_secs(1), "t");
        let body = serde_json::json!({"id": "key_1"});
        let change = |ctx: &ChangeContext| {
            ctx.change("key.create", Some("a"), Some("key_1"), body.clone())
                .answered(ctx, 201, &body)
        };
        assert_eq!(change(&ctx).answer, None);
        ctx.idempotency = Some(Idempotency {
            key: "t/keys.create/k".into(),
            request_digest: [7; 32],
        });
        let answer = change(&ctx).answer.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (201, r#"{"id":"key_1"}"#)
        );
        assert_eq!(
            answer.expires_at,
            ctx.at.plus(super::super::ceilings::IDEMPOTENCY_TIME)
        );
    }

    #[test]
    fn differences_name_only_what_changed() {
        use serde_json::json;
        let d = differences(
            &json!({"a": 1, "b": 2, "c": 3}),
            &json!({"a": 1, "b": 4, "d": 5}),
        );
        let want = json!({"b": {"from": 2, "to": 4}, "d": {"from": null, "to": 5}, "c": {"from": 3, "to": null}});
        assert_eq!(d, want);
    }
}
