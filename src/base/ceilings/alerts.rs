//! Bounds of alerts and their e-mails; never what an account is told of.

use std::time::Duration;

/// Marks of one kind (per cent of the hour, of the month, days before an expiry) that an account may set.
pub const ALERT_MARKS: usize = 5;
/// Addresses that are told of one account.
pub const ALERT_EMAILS: usize = 5;
/// Most days before a key expires on which that is told.
pub const ALERT_EXPIRY_DAYS: u32 = 365;
/// Per cent of a quota from which every page of the portal shows how much is used, as long as the account has set nothing.
pub const ALERT_BANNER_PERCENT: u32 = 80;
/// How long pages go by settings that were read: what another node changed shows after this time.
pub const ALERT_RECENT_AGE: Duration = Duration::from_secs(5);
/// Accounts whose settings are kept for pages; where there are more, all are read anew.
pub const ALERT_RECENT: usize = 1_024;
/// How often is looked at what accounts in use have used.
pub const ALERT_LOOK: Duration = Duration::from_secs(5);
/// How often the settings of all accounts are read anew: what another node changed is known after this time.
pub const ALERT_SETTINGS_AGE: Duration = Duration::from_secs(30);
/// Accounts with settings that a node keeps in memory; those over it are told of nothing.
pub const ALERT_ACCOUNTS: usize = 100_000;
/// Quotas and keys of which this node remembers what it has told; where there are more, the store is asked.
pub const ALERT_MARKS_KNOWN: usize = 100_000;
/// How long they are remembered.
pub const ALERT_MARKS_AGE: Duration = Duration::from_secs(600);
/// Changes of settings on this node that wait to be looked at; those over it are seen with the next look at all.
pub const ALERT_CHANGES: usize = 1_024;
/// Messages that one write takes.
pub const MAIL_BATCH: usize = 100;
/// Marks whose messages one write takes: one to each address, and one to the account's webhooks.
pub const ALERT_MARKS_AT_ONCE: usize = MAIL_BATCH / (ALERT_EMAILS + 1);
/// How long the mark that a message was made outlives what it tells of: no clock of any node is off by so much.
pub const MAIL_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Messages under way at once on one node.
pub const MAILS_IN_FLIGHT: usize = 8;
/// How long a node has a message before another one may send it.
pub const MAIL_CLAIM: Duration = Duration::from_secs(60);
/// Longest time for a whole message, however long a server takes for each of its answers.
pub const MAIL_SEND_TIME: Duration = Duration::from_secs(40);
/// How often messages are looked for that are due.
pub const MAIL_POLL: Duration = Duration::from_secs(2);
/// Attempts after the first one.
pub const MAIL_RETRIES: usize = 5;
/// Characters of a mail server's answer that are kept for the log.
pub const MAIL_ERROR_CHARS: usize = 300;
/// Longest `smtp.timeout_ms`.
pub const SMTP_TIMEOUT_MS: u64 = 30_000;
/// How long a mail server that has taken a message may take to say good-bye.
pub const SMTP_QUIT_TIME: Duration = Duration::from_secs(2);

const _: () = assert!(MAIL_SEND_TIME.as_secs() < MAIL_CLAIM.as_secs());
const _: () = assert!(
    SMTP_TIMEOUT_MS + (SMTP_QUIT_TIME.as_millis() as u64) < MAIL_SEND_TIME.as_millis() as u64
);
