//! Things of an account for tests that open every page: a key, a webhook with deliveries, an event, an inbox with a message; never a check.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::portal::Portal;

/// Ids of an account's things, and every secret that they have.
pub struct Things {
    pub key: String,
    pub webhook: String,
    pub event: String,
    pub delivery: String,
    pub inbox: String,
    /// Secrets of the key, the webhook and the inbox: no page shows them again.
    pub secrets: Vec<String>,
}

/// What is put wherever the account's people, its events or its receivers may put text.
pub struct Texts<'a> {
    pub name: &'a str,
    pub data: Value,
}

impl Default for Texts<'_> {
    fn default() -> Self {
        Self {
            name: "Nightly sync",
            data: json!({"id": "c_1", "name": "Grace Hopper"}),
        }
    }
}

impl Things {
    /// Makes them. `receiver` is where the webhook's deliveries go.
    pub fn make(portal: &Portal, account: &str, receiver: &str, texts: &Texts<'_>) -> Self {
        let post = |path: &str, body: &Value| {
            let made = portal.gateway.admin("POST", path, Some(body));
            assert!(
                [200, 201, 202].contains(&made.status),
                "{path}: {}",
                made.text()
            );
            made.json()
        };
        let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        let key = post(
            "/admin/v1/keys",
            &json!({"account_id": account, "name": texts.name, "scopes": ["contacts:read", "deals:read", "users:read"], "expires_in_days": 30}),
        );
        let webhook = post(
            "/admin/v1/webhooks",
            &json!({"account_id": account, "url": receiver, "description": texts.name, "event_types": ["*"]}),
        );
        let event = post(
            "/admin/v1/events",
            &json!({"account_id": account, "type": "contact.created", "data": texts.data}),
        );
        let inbox = post(
            "/admin/v1/simulator/inboxes",
            &json!({"account_id": account}),
        );
        let message = json!({
            "message": {"type": "contact.created", "data": texts.data, "inbox_id": inbox["id"]},
        });
        post("/admin/v1/simulator/send", &message);
        let webhook_id = text(&webhook, "id");
        let list = format!("/admin/v1/webhooks/{webhook_id}/deliveries");
        let delivery = eventually("a delivery was tried", Duration::from_secs(10), || {
            let list = portal.gateway.admin("GET", &list, None).json();
            let first = &list["data"][0];
            let is_tried = first["attempts"].as_array().is_some_and(|a| !a.is_empty());
            is_tried.then(|| text(first, "id"))
        });
        // A request through the gateway, so that there is usage.
        let secret = text(&key, "secret");
        assert_eq!(portal.gateway.get("/v1/contacts", &secret).status, 200);
        Self {
            key: text(&key, "id"),
            event: text(&event, "id"),
            inbox: text(&inbox, "id"),
            secrets: vec![secret, text(&webhook, "secret"), text(&inbox, "secret")],
            webhook: webhook_id,
            delivery,
        }
    }

    /// A path with the ids in the place of `{key}`, `{webhook}`, …
    pub fn fill(&self, path: &str) -> String {
        path.replace("{key}", &self.key)
            .replace("{webhook}", &self.webhook)
            .replace("{delivery}", &self.delivery)
            .replace("{event}", &self.event)
            .replace("{inbox}", &self.inbox)
    }
}

/// A path with well-formed ids that are nobody's.
pub fn fill_unknown(path: &str) -> String {
    let unknown = |prefix: &str| format!("{prefix}{}", "0".repeat(32));
    path.replace("{key}", &unknown("key_"))
        .replace("{webhook}", &unknown("whk_"))
        .replace("{delivery}", &unknown("dlv_"))
        .replace("{event}", &unknown("evt_"))
        .replace("{inbox}", &unknown("ibx_"))
}

/// Whether a path has the id of something that is an account's own.
pub fn is_of_an_account(path: &str) -> bool {
    fill_unknown(path) != path
}
