//! What a type of events is, in words and as an example of a body; never an event that happened.

use serde_json::{Value, json};

use super::examples::{documented, example, operation};
use crate::config::model::Config;
use crate::webhooks::settings::TEST_TYPE;

/// When the examples' events happened, where no document says.
const EXAMPLE_TIME: &str = "2026-12-01T12:00:00Z";
/// Whose the examples' events are, where no document says.
const EXAMPLE_ACCOUNT: &str = "acct_42";

/// A type of events.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeDoc {
    /// The type, e.g. `contact.created`.
    pub event_type: String,
    /// A sentence without its dot, e.g. `A contact was created`.
    pub summary: String,
    /// More of it, as CommonMark text.
    pub description: Option<String>,
    /// The operations that make such events, e.g. `POST /v1/contacts`; empty where they are only published.
    pub routes: Vec<String>,
    /// A body as receivers get it.
    pub body: Value,
}

impl TypeDoc {
    /// The example of `data` alone.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }
}

/// Every type that events of accounts can have, sorted, and the test.
pub fn types(config: &Config) -> Vec<String> {
    let rules = config.events.iter().map(|r| r.event_type.to_string());
    let mut types: Vec<String> = rules.collect();
    types.sort_unstable();
    types.dedup();
    types.push(TEST_TYPE.to_owned());
    types
}

/// What there is to say of this type: what the `webhooks` of an OpenAPI document say, or else what is known of the
/// operation that makes such events.
pub fn describe(config: &Config, event_type: &str) -> TypeDoc {
    let mut rules = config
        .events
        .iter()
        .filter(|r| *r.event_type == *event_type);
    let page = config
        .apis
        .iter()
        .find_map(|api| documented(&api.document, event_type));
    let text = |name: &str| {
        let found = page.as_ref().and_then(|p| p.operation.get(name));
        found.and_then(Value::as_str).map(str::to_owned)
    };
    let ours = own(event_type);
    let summary = text("summary")
        .or_else(|| ours.map(|(summary, _)| summary.to_owned()))
        .or_else(|| rules.find_map(|rule| made_by(config, rule)))
        .unwrap_or_else(|| published(event_type));
    TypeDoc {
        summary,
        description: text("description").or_else(|| ours.map(|(_, more)| more.to_owned())),
        body: body(
            config,
            event_type,
            page.as_ref().and_then(|p| p.example.clone()),
        ),
        event_type: event_type.to_owned(),
        routes: routes(config, event_type),
    }
}

/// The operations that make events of this type, e.g. `POST /v1/contacts`.
pub fn routes(config: &Config, event_type: &str) -> Vec<String> {
    let rules = config.events.iter();
    let rules = rules.filter(|r| *r.event_type == *event_type);
    let mut routes: Vec<String> = rules.map(|r| format!("{} {}", r.method, r.path)).collect();
    routes.dedup();
    routes
}

fn made_by(config: &Config, rule: &crate::config::model::EventRule) -> Option<String> {
    let mut apis = config.apis.iter();
    let summary = apis.find_map(|api| operation(api, rule)?.get("summary")?.as_str())?;
    Some(format!("Made by “{}”", summary.trim_end_matches('.')))
}

fn published(event_type: &str) -> String {
    format!("{} happened", event_type.replace(['.', '_'], " "))
}

/// An envelope: that of a document where it has one that looks like it, or one around data of the type.
fn body(config: &Config, event_type: &str, documented: Option<Value>) -> Value {
    if let Some(example) = documented
        && example.get("type").and_then(Value::as_str) == Some(event_type)
        && example.get("data").is_some()
    {
        return example;
    }
    json!({
        "type": event_type,
        "timestamp": EXAMPLE_TIME,
        "account_id": EXAMPLE_ACCOUNT,
        "sequence": 42,
        "data": own_data(event_type).unwrap_or_else(|| example(config, event_type)),
    })
}

/// What is said of types that the gateway makes itself.
fn own(event_type: &str) -> Option<(&'static str, &'static str)> {
    Some(match event_type {
        TEST_TYPE => (
            "A test of this webhook",
            "Sent when you ask for it, to one webhook and whatever types that wants. It cannot be subscribed to.",
        ),
        "usage.threshold_reached" => (
            "Usage of the hour or the month reached a threshold",
            "Sent once for each threshold in each window. `policy` is `hour` or `month`, and `percent` the highest threshold that was reached.",
        ),
        "key.expiring" => (
            "An API key expires soon",
            "Sent once for each of the days before the expiry that are set. The key is named by its id, prefix and last four characters; the secret is not in it.",
        ),
        "endpoint.disabled" => (
            "A webhook was disabled",
            "Sent when a webhook answered 410 or had no success for too long.",
        ),
        "delivery.exhausted" => (
            "A delivery failed for the last time",
            "Sent when a delivery has had all its attempts. It can be retried by hand.",
        ),
        _ => return None,
    })
}

fn own_data(event_type: &str) -> Option<Value> {
    Some(match event_type {
        TEST_TYPE => json!({
            "webhook_id": "whk_019abf6d2f7a7c3c9a6f0d7c2b1e4a57", "message": "This is a test."
        }),
        "usage.threshold_reached" => json!({
            "account_id": EXAMPLE_ACCOUNT, "policy": "month", "percent": 80, "used": 800_123,
            "limit": 1_000_000, "resets_at": "2027-01-01T00:00:00Z"
        }),
        "key.expiring" => json!({
            "account_id": EXAMPLE_ACCOUNT, "key_id": "key_019abf6d2f7a7c3c9a6f0d7c2b1e4a57",
            "name": "Nightly sync", "prefix": "lf_live", "last_four": "mLq1",
            "expires_at": "2026-12-08T12:00:00Z", "days": 7
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{LoadOptions, load_bytes};

    /// The shipped configuration, with a type of which its document says nothing.
    fn config() -> Config {
        let path = crate::base::checkout().join("conf/fuelgate.yaml");
        let text = std::fs::read_to_string(&path).unwrap().replace(
            "\nevents:\n",
            "\nevents:\n  - { type: contact.made, route: { method: POST, path: /v1/contacts } }\n",
        );
        let env = |name: &str| {
            let is_secret = matches!(name, "FUELGATE_ADMIN_TOKEN" | "FUELGATE_PEPPER");
            is_secret.then(|| "0123456789abcdef0123456789abcdef".to_owned())
        };
        load_bytes(text.as_bytes(), &path, &env, &LoadOptions::default()).unwrap()
    }

    #[test]
    fn a_type_that_a_document_describes_has_its_words_and_its_body() {
        let doc = describe(&config(), "contact.created");
        assert_eq!(doc.summary, "A contact was created");
        assert_eq!(doc.routes, ["POST /v1/contacts"]);
        assert_eq!(doc.body["sequence"], 41);
        assert_eq!(doc.data()["name"], "Ada Lovelace");
        let members: Vec<_> = doc.body.as_object().unwrap().keys().collect();
        let envelope = ["type", "timestamp", "account_id", "sequence", "data"];
        assert_eq!(members, envelope);
    }

    #[test]
    fn a_type_that_no_document_describes_is_told_by_its_operation() {
        let doc = describe(&config(), "contact.made");
        assert!(doc.summary.starts_with("Made by “"), "{}", doc.summary);
        assert_eq!(doc.body["type"], "contact.made");
        assert!(doc.data().get("id").is_some(), "{}", doc.body);
    }

    #[test]
    fn types_of_the_gateways_own_and_published_ones_have_words_too() {
        let config = config();
        let doc = describe(&config, "usage.threshold_reached");
        assert!(doc.description.unwrap().contains("once"));
        assert_eq!(doc.body["data"]["percent"], 80);
        assert_eq!(
            describe(&config, "deal.signed_off").summary,
            "deal signed off happened"
        );
        assert_eq!(
            describe(&config, TEST_TYPE).data()["message"],
            "This is a test."
        );
    }

    #[test]
    fn every_type_is_listed_once_and_the_test_last() {
        let all = types(&config());
        let (last, rest) = all.split_last().unwrap();
        assert_eq!(last, TEST_TYPE);
        assert_eq!((rest.len(), rest.is_sorted()), (10, true), "{rest:?}");
    }
}
