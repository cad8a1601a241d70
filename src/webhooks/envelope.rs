//! The body of a webhook: the same bytes at every attempt, made from the event alone; never signed or sent here.

use super::model::Event;

/// The body that is signed and sent: `{"type", "timestamp", "account_id", "sequence", "data"}` and, where only the
/// resource's id could be kept, `"truncated": true`. `data` is the stored JSON text, byte for byte.
pub fn body(event: &Event) -> String {
    let data = event.data.as_deref().unwrap_or("null");
    let mut out = String::with_capacity(data.len() + 192);
    out.push_str("{\"type\":");
    push_text(&mut out, &event.event_type);
    out.push_str(",\"timestamp\":");
    push_text(&mut out, &event.occurred_at.to_string());
    out.push_str(",\"account_id\":");
    push_text(&mut out, &event.account_id);
    out.push_str(",\"sequence\":");
    match event.sequence {
        Some(n) => out.push_str(&n.to_string()),
        None => out.push_str("null"),
    }
    out.push_str(",\"data\":");
    out.push_str(data);
    if event.truncated {
        out.push_str(",\"truncated\":true");
    }
    out.push('}');
    out
}

fn push_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::webhooks::model::EventState;

    pub(super) fn event() -> Event {
        Event {
            id: "evt_1".to_owned(),
            account_id: "acct \"1\"".to_owned(),
            event_type: "contact.created".to_owned(),
            occurred_at: Timestamp::from_millis(1_614_265_330_123),
            state: EventState::Released,
            sequence: Some(7),
            data: Some("{\"id\": 1.10,\n \"name\":\"Zoë\"}".to_owned()),
            truncated: false,
            request_id: None,
            route: None,
            method: None,
            status: None,
            resource_id: None,
            conditional: false,
        }
    }

    #[test]
    fn the_body_has_the_members_of_the_contract_and_the_data_as_it_was() {
        let text = body(&event());
        assert_eq!(
            text,
            "{\"type\":\"contact.created\",\"timestamp\":\"2021-02-25T15:02:10.123Z\",\"account_id\":\"acct \\\"1\\\"\",\
             \"sequence\":7,\"data\":{\"id\": 1.10,\n \"name\":\"Zoë\"}}"
        );
        let v: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(v.get("truncated").is_none());
        assert_eq!(text, body(&event()), "the same at every attempt");
    }

    #[test]
    fn a_thin_event_says_so() {
        let mut e = event();
        e.truncated = true;
        e.data = None;
        let v: serde_json::Value = serde_json::from_str(&body(&e)).unwrap();
        assert_eq!(v["truncated"], true);
        assert_eq!(v["data"], serde_json::Value::Null);
    }
}
