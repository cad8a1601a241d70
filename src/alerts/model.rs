//! What accounts ask for and the messages that are made of it; never how they are kept or sent.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::base::ceilings::alerts::MAIL_KEPT;
use crate::base::clock::Timestamp;
use crate::base::ids;

/// Prefix of a message's id.
pub const MAIL: &str = "mail_";

/// What an account asks to be told of, and who is told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlertSettings {
    /// The account.
    pub account_id: String,
    /// Per cent of the hour's quota.
    pub hour_percent: Vec<u32>,
    /// Per cent of the month's quota.
    pub month_percent: Vec<u32>,
    /// Days before a key expires.
    pub key_expiry_days: Vec<u32>,
    /// Addresses that are told by e-mail.
    pub emails: Vec<String>,
    /// Grows with each change; 0 where nothing was set so far. Stores keep it beside the rest.
    #[serde(skip)]
    pub revision: u64,
}

impl AlertSettings {
    /// What holds for an account that has set nothing.
    pub fn none(account_id: &str) -> Self {
        Self {
            account_id: account_id.to_owned(),
            ..Self::default()
        }
    }
}

/// Which quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// That of the UTC hour.
    Hour,
    /// That of the UTC month.
    Month,
}

impl Window {
    /// Its name in events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Month => "month",
        }
    }
}

/// The use of a quota that has reached a mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageMark {
    /// Which quota.
    pub window: Window,
    /// The mark.
    pub percent: u32,
    /// Requests of the window when this was seen.
    pub used: u64,
    /// How many there may be.
    pub limit: u64,
    /// When the window ends.
    pub resets_at: Timestamp,
}

/// A key that expires soon. It holds nothing of the secret but what listings show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMark {
    /// The key.
    pub key_id: String,
    /// What its owner calls it.
    pub name: String,
    /// What its secret begins with.
    pub prefix: String,
    /// The last characters of its secret.
    pub last_four: String,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The mark: days before that.
    pub days: u32,
}

/// What a message tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matter {
    /// A quota is used so far.
    Usage(UsageMark),
    /// A key expires.
    KeyExpiring(KeyMark),
}

impl Matter {
    /// Type of the event that tells it.
    pub const fn event_type(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage.threshold_reached",
            Self::KeyExpiring(_) => "key.expiring",
        }
    }

    /// When it has no meaning any more.
    pub const fn ends_at(&self) -> Timestamp {
        match self {
            Self::Usage(mark) => mark.resets_at,
            Self::KeyExpiring(mark) => mark.expires_at,
        }
    }

    /// `data` of the event that tells it.
    pub fn data(&self, account_id: &str) -> Value {
        match self {
            Self::Usage(mark) => json!({
                "account_id": account_id,
                "policy": mark.window.as_str(),
                "percent": mark.percent,
                "used": mark.used,
                "limit": mark.limit,
                "resets_at": mark.resets_at.to_string(),
            }),
            Self::KeyExpiring(mark) => json!({
                "account_id": account_id,
                "key_id": mark.key_id,
                "name": mark.name,
                "prefix": mark.prefix,
                "last_four": mark.last_four,
                "expires_at": mark.expires_at.to_string(),
                "days": mark.days,
            }),
        }
    }

    /// An id that is made of what is told and to whom, so that whoever tells it again tells the same. How much is used by
    /// now is no part of it.
    fn id(&self, prefix: &str, account_id: &str, to: &str) -> String {
        let event_type = self.event_type();
        match self {
            Self::Usage(mark) => ids::derived(
                prefix,
                &[
                    "account",
                    event_type,
                    account_id,
                    mark.window.as_str(),
                    &mark.resets_at.to_string(),
                    &mark.percent.to_string(),
                    to,
                ],
            ),
            Self::KeyExpiring(mark) => ids::derived(
                prefix,
                &[
                    "account",
                    event_type,
                    account_id,
                    &mark.key_id,
                    &mark.expires_at.to_string(),
                    &mark.days.to_string(),
                    to,
                ],
            ),
        }
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recipient {
    /// An address.
    Email(String),
    /// The account's own webhooks that want the event by its name.
    Webhooks,
}

impl Recipient {
    /// How it is counted.
    pub const fn channel(&self) -> &'static str {
        match self {
            Self::Email(_) => "mail",
            Self::Webhooks => "event",
        }
    }
}

/// A message of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// `mail_…`, derived from what is told and to whom.
    pub id: String,
    /// The account.
    pub account_id: String,
    /// Who is told.
    pub to: Recipient,
    /// What.
    pub matter: Matter,
    /// When that was seen.
    pub at: Timestamp,
    /// Until when it is kept, sent or not: after that nothing makes it again.
    pub kept_until: Timestamp,
}

impl Mail {
    /// A message.
    pub fn new(account_id: &str, to: Recipient, matter: Matter, now: Timestamp) -> Self {
        let address = match &to {
            // One mailbox gets one message, however its address is written.
            Recipient::Email(address) => address.to_ascii_lowercase(),
            Recipient::Webhooks => String::new(),
        };
        Self {
            id: matter.id(MAIL, account_id, &address),
            account_id: account_id.to_owned(),
            kept_until: matter.ends_at().plus(MAIL_KEPT),
            to,
            matter,
            at: now,
        }
    }

    /// The id of the event that tells it to webhooks.
    pub fn event_id(&self) -> String {
        self.matter.id(ids::EVENT, &self.account_id, "")
    }
}

/// A message that this node may send until its claim ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedMail {
    /// The message.
    pub mail: Mail,
    /// Attempts before this one.
    pub attempts: u32,
    /// Whose claim it is; noting what came of it needs it.
    pub claim: String,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailOutcome {
    /// The server, or the event log, has it.
    Sent,
    /// It is tried again then.
    Retry(Timestamp),
    /// It is given up.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{NOW, key_mark, usage_mark};

    fn mail(account: &str, to: &str, matter: Matter) -> Mail {
        Mail::new(account, Recipient::Email(to.to_owned()), matter, NOW)
    }

    #[test]
    fn the_same_mark_told_to_the_same_address_is_one_message() {
        let hour = |percent, used| Matter::Usage(usage_mark(Window::Hour, percent, used));
        let first = mail("a", "dev@example.com", hour(80, 81));
        assert!(ids::is_valid(MAIL, &first.id), "{}", first.id);
        assert_eq!(first.id, mail("a", "Dev@Example.com", hour(80, 99)).id);
        let mut later = usage_mark(Window::Hour, 80, 81);
        later.resets_at = later.resets_at.plus(std::time::Duration::from_secs(3600));
        for other in [
            mail("b", "dev@example.com", hour(80, 81)),
            mail("a", "ops@example.com", hour(80, 81)),
            mail("a", "dev@example.com", hour(100, 100)),
            mail("a", "dev@example.com", Matter::Usage(later)),
            mail(
                "a",
                "dev@example.com",
                Matter::Usage(usage_mark(Window::Month, 80, 81)),
            ),
            mail("a", "dev@example.com", Matter::KeyExpiring(key_mark(7))),
            Mail::new("a", Recipient::Webhooks, hour(80, 81), NOW),
        ] {
            assert_ne!(first.id, other.id, "{other:?}");
        }
    }

    #[test]
    fn the_event_of_a_message_is_the_same_whoever_tells_it() {
        let told = |to| Mail::new("a", to, Matter::KeyExpiring(key_mark(7)), NOW).event_id();
        assert!(ids::is_valid(ids::EVENT, &told(Recipient::Webhooks)));
        assert_eq!(
            told(Recipient::Webhooks),
            told(Recipient::Email("x@example.com".to_owned()))
        );
    }

    #[test]
    fn a_message_is_kept_a_day_longer_than_what_it_tells_of() {
        let day = std::time::Duration::from_secs(24 * 3600);
        let mark = usage_mark(Window::Hour, 80, 81);
        let ends = mark.resets_at;
        let kept = mail("a", "dev@example.com", Matter::Usage(mark)).kept_until;
        assert_eq!(kept, ends.plus(day));
    }

    #[test]
    fn what_is_stored_reads_back() {
        for to in [Recipient::Webhooks, Recipient::Email("x@y.example".into())] {
            let mail = Mail::new("a", to, Matter::KeyExpiring(key_mark(7)), NOW);
            let text = serde_json::to_string(&mail).unwrap();
            assert_eq!(serde_json::from_str::<Mail>(&text).unwrap(), mail);
        }
    }
}
