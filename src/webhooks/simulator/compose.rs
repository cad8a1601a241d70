//! Makes the exact request of a webhook, and the text that is signed, from what somebody edits by hand; never sends it.

use crate::base::clock::Timestamp;
use crate::webhooks::envelope;
use crate::webhooks::model::Event;
use crate::webhooks::sign::{self, SigningKey};

/// A webhook as it is edited.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The `webhook-id`.
    pub id: String,
    /// What the body is made of.
    pub content: Content,
}

/// What the body of a webhook is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// An event, in the envelope that deliveries have.
    Event(Box<DraftEvent>),
    /// The body itself, byte for byte: one that was received, say.
    Body(String),
}

/// The members of an envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftEvent {
    /// Type of the event.
    pub event_type: String,
    /// Its account.
    pub account_id: String,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Its number among the account's events.
    pub sequence: u64,
    /// What happened, as JSON text.
    pub data: String,
}

/// A webhook, ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Composed {
    /// Its header fields, in order.
    pub headers: Vec<(&'static str, String)>,
    /// Its body.
    pub body: String,
    /// What the signatures are of: `id.timestamp.body`.
    pub signed_text: String,
}

impl Draft {
    /// The body, the same at every attempt.
    pub fn body(&self) -> String {
        match &self.content {
            Content::Body(text) => text.clone(),
            Content::Event(event) => envelope::body(&event.released(&self.id)),
        }
    }

    /// The webhook as it is sent at `at`, with a signature for each key.
    pub fn compose(&self, keys: &[SigningKey], at: Timestamp) -> Composed {
        let body = self.body();
        Composed {
            headers: sign::fields(keys, &self.id, at.secs(), &body),
            signed_text: format!("{}.{}.{body}", self.id, at.secs()),
            body,
        }
    }
}

impl DraftEvent {
    fn released(&self, id: &str) -> Event {
        Event {
            sequence: Some(self.sequence),
            ..Event::published(
                id.to_owned(),
                self.account_id.clone(),
                self.event_type.clone(),
                self.occurred_at,
                self.data.clone(),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::Secret;

    fn key(secret: &str) -> SigningKey {
        SigningKey::new(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn published_vectors_come_out_of_a_draft() {
        for (secret, id, at, body, signature) in [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                "{\"test\": 2432232314}",
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                "{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
        ] {
            let draft = Draft {
                id: id.to_owned(),
                content: Content::Body(body.to_owned()),
            };
            let made = draft.compose(&[key(secret)], Timestamp::from_secs(at));
            assert_eq!(made.signed_text, format!("{id}.{at}.{body}"));
            assert_eq!(made.body, body);
            let want = [
                ("content-type", "application/json".to_owned()),
                ("webhook-id", id.to_owned()),
                ("webhook-timestamp", at.to_string()),
                ("webhook-signature", signature.to_owned()),
            ];
            assert_eq!(made.headers, want);
        }
    }

    #[test]
    fn an_event_gets_the_envelope_of_deliveries_with_its_data_as_written() {
        let draft = Draft {
            id: "evt_1".to_owned(),
            content: Content::Event(Box::new(DraftEvent {
                event_type: "contact.created".to_owned(),
                account_id: "acct_1".to_owned(),
                occurred_at: Timestamp::from_secs(0),
                sequence: 3,
                data: "{ \"id\": 1.0 }".to_owned(),
            })),
        };
        assert_eq!(
            draft.body(),
            "{\"type\":\"contact.created\",\"timestamp\":\"1970-01-01T00:00:00Z\",\"account_id\":\"acct_1\",\
             \"sequence\":3,\"data\":{ \"id\": 1.0 }}"
        );
    }
}
