//! Fault profiles: what is sent to a receiver under test, when, and what a good receiver does with it; never the sending.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::compose::{Content, Draft};
use crate::base::ceilings::simulator::{
    SIMULATOR_GAP, SIMULATOR_HUGE_BYTES, SIMULATOR_OLD, SIMULATOR_SLOW_PIECES, SIMULATOR_SLOW_TIME,
};
use crate::webhooks::model::Pace;

/// What is wrong with what a receiver gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The same event twice, as after an answer that was lost: two attempts with one `webhook-id`.
    Duplicate,
    /// Three events of which the last comes first.
    OutOfOrder,
    /// An event that is signed well, but long ago: somebody sends it again who has overheard it.
    OldTimestamp,
    /// An event that is signed with another secret.
    WrongSignature,
    /// An event whose body comes in small pieces.
    Slow,
    /// An event with as much data as there can be.
    Huge,
}

impl Fault {
    /// Every profile.
    pub const ALL: [Self; 6] = [
        Self::Duplicate,
        Self::OutOfOrder,
        Self::OldTimestamp,
        Self::WrongSignature,
        Self::Slow,
        Self::Huge,
    ];
}

/// What a good receiver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A 2xx.
    Accept,
    /// Anything but a 2xx, and nothing is done with it.
    Refuse,
}

impl Expected {
    /// Whether a reply with this status, or none, is what a good receiver gives.
    pub fn is_met_by(self, status: Option<u16>) -> bool {
        let accepted = status.is_some_and(|s| (200..300).contains(&s));
        match self {
            Self::Accept => accepted,
            // A receiver that does not answer at all has refused nothing.
            Self::Refuse => status.is_some() && !accepted,
        }
    }
}

/// Whose secret signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The receiver's.
    Own,
    /// One that the receiver has never heard of.
    Stranger,
}

/// One request of a profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Time that passes before it, after the request before.
    pub delay: Duration,
    /// What is sent.
    pub draft: Draft,
    /// How much earlier than now it says that it was sent.
    pub back: Duration,
    /// Who signs it.
    pub signer: Signer,
    /// How its body is sent; all at once where nothing is said.
    pub pace: Option<Pace>,
    /// What a good receiver answers.
    pub expected: Expected,
    /// What the receiver is tested for.
    pub note: &'static str,
}

impl Step {
    fn of(draft: Draft, note: &'static str) -> Self {
        Self {
            delay: Duration::ZERO,
            draft,
            back: Duration::ZERO,
            signer: Signer::Own,
            pace: None,
            expected: Expected::Accept,
            note,
        }
    }
}

/// What a profile sends, in order; without one the draft alone. `other_ids` are for events that it adds.
pub fn plan(fault: Option<Fault>, draft: &Draft, other_ids: [String; 2]) -> Vec<Step> {
    let draft = draft.clone();
    let Some(fault) = fault else {
        return vec![Step::of(draft, "a delivery as it should be")];
    };
    match fault {
        Fault::Duplicate => vec![
            Step::of(draft.clone(), "the first attempt"),
            Step {
                delay: SIMULATOR_GAP,
                ..Step::of(
                    draft,
                    "the same webhook-id again: accept it and do nothing a second time",
                )
            },
        ],
        Fault::OutOfOrder => out_of_order(draft, other_ids),
        Fault::OldTimestamp => vec![Step {
            back: SIMULATOR_OLD,
            expected: Expected::Refuse,
            ..Step::of(
                draft,
                "signed well, but its time is beyond the tolerance of five minutes",
            )
        }],
        Fault::WrongSignature => vec![Step {
            signer: Signer::Stranger,
            expected: Expected::Refuse,
            ..Step::of(draft, "signed with a secret that is not yours")
        }],
        Fault::Slow => vec![Step {
            pace: Some(Pace {
                pieces: SIMULATOR_SLOW_PIECES,
                time: SIMULATOR_SLOW_TIME,
            }),
            ..Step::of(
                draft,
                "the body comes in small pieces; other requests must not wait for it",
            )
        }],
        Fault::Huge => vec![Step::of(
            Draft {
                content: huge(draft.content),
                ..draft
            },
            "as much data as an event can have",
        )],
    }
}

fn out_of_order(draft: Draft, other_ids: [String; 2]) -> Vec<Step> {
    let [second, third] = other_ids;
    let later = |id: String, n: u64| Draft {
        id,
        content: match &draft.content {
            Content::Body(text) => Content::Body(text.clone()),
            Content::Event(event) => {
                let mut event = event.clone();
                event.sequence = event.sequence.saturating_add(n);
                event.occurred_at = event.occurred_at.plus(Duration::from_secs(n));
                Content::Event(event)
            }
        },
    };
    let (second, third) = (later(second, 1), later(third, 2));
    let after = |step: Step| Step {
        delay: SIMULATOR_GAP,
        ..step
    };
    vec![
        Step::of(third, "the third event comes first: accept it"),
        after(Step::of(
            draft,
            "the first event: its sequence tells that it is older",
        )),
        after(Step::of(
            second,
            "the second event: a state that is newer must not be overwritten",
        )),
    ]
}

/// Data of the largest size that an event has: an object with what was there and a filling, or a filling alone.
fn huge(content: Content) -> Content {
    match content {
        Content::Body(text) => Content::Body(filled(&text)),
        Content::Event(mut event) => {
            event.data = filled(&event.data);
            Content::Event(event)
        }
    }
}

fn filled(json: &str) -> String {
    const MEMBER: &str = "\"padding\":\"";
    let trimmed = json.trim();
    let open = trimmed
        .strip_suffix('}')
        .filter(|_| trimmed.starts_with('{'))
        .map_or("{", str::trim_end);
    let comma = if open == "{" { "" } else { "," };
    let room = SIMULATOR_HUGE_BYTES.saturating_sub(open.len() + comma.len() + MEMBER.len() + 2);
    format!("{open}{comma}{MEMBER}{}\"}}", "x".repeat(room))
}

#[cfg(test)]
mod tests {
    use super::super::compose::DraftEvent;
    use super::*;
    use crate::base::clock::Timestamp;

    fn draft() -> Draft {
        Draft {
            id: "evt_1".to_owned(),
            content: Content::Event(Box::new(DraftEvent {
                event_type: "contact.created".to_owned(),
                account_id: "acct_1".to_owned(),
                occurred_at: Timestamp::from_secs(100),
                sequence: 7,
                data: "{\"id\": \"c_1\"}".to_owned(),
            })),
        }
    }

    fn steps(fault: Fault) -> Vec<Step> {
        plan(
            Some(fault),
            &draft(),
            ["evt_2".to_owned(), "evt_3".to_owned()],
        )
    }

    #[test]
    fn a_duplicate_is_the_same_id_and_body() {
        let [first, second] = &steps(Fault::Duplicate)[..] else {
            panic!()
        };
        assert_eq!(first.draft, second.draft);
        assert!(second.delay > Duration::ZERO);
    }

    #[test]
    fn out_of_order_sends_a_later_sequence_first() {
        let all = steps(Fault::OutOfOrder);
        let seen: Vec<(String, serde_json::Value)> = all
            .iter()
            .map(|s| {
                let body = serde_json::from_str(&s.draft.body()).unwrap();
                (s.draft.id.clone(), body)
            })
            .collect();
        let numbers: Vec<_> = seen.iter().map(|(_, b)| b["sequence"].as_u64()).collect();
        assert_eq!(numbers, [Some(9), Some(7), Some(8)]);
        let ids: std::collections::HashSet<_> = seen.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), 3);
        assert!(seen[0].1["timestamp"].as_str() > seen[1].1["timestamp"].as_str());
    }

    #[test]
    fn what_a_receiver_must_refuse_is_old_or_strange_and_nothing_else() {
        for fault in Fault::ALL {
            let refused = matches!(fault, Fault::OldTimestamp | Fault::WrongSignature);
            for step in steps(fault) {
                assert_eq!(step.expected == Expected::Refuse, refused, "{fault:?}");
                assert_eq!(
                    step.signer == Signer::Stranger,
                    fault == Fault::WrongSignature
                );
                assert_eq!(step.back > Duration::ZERO, fault == Fault::OldTimestamp);
                assert_eq!(step.pace.is_some(), fault == Fault::Slow);
            }
        }
    }

    #[test]
    fn huge_data_is_json_of_the_largest_size_whatever_it_was() {
        for data in ["{}", " { } ", "{\"id\": 1}", "null", "[1]", "{\"a\":{}}"] {
            let text = filled(data);
            assert_eq!(text.len(), SIMULATOR_HUGE_BYTES, "{data}");
            let v: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert!(v["padding"].is_string());
        }
        let v: serde_json::Value = serde_json::from_str(&filled("{\"id\": 1}")).unwrap();
        assert_eq!(v["id"], 1);
    }

    #[test]
    fn a_receiver_that_does_not_answer_meets_nothing() {
        for (expected, status, met) in [
            (Expected::Accept, Some(204), true),
            (Expected::Accept, Some(302), false),
            (Expected::Accept, None, false),
            (Expected::Refuse, Some(401), true),
            (Expected::Refuse, Some(200), false),
            (Expected::Refuse, None, false),
        ] {
            assert_eq!(expected.is_met_by(status), met, "{expected:?} {status:?}");
        }
    }

    #[test]
    fn without_a_fault_the_draft_is_sent_once_as_it_is() {
        let all = plan(None, &draft(), [String::new(), String::new()]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].draft, draft());
    }
}
