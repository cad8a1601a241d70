//! What tests of alerts share: settings, marks, a store in memory; never part of the product.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::model::{
    AlertSettings, ClaimedMail, KeyMark, Mail, MailOutcome, Matter, Recipient, UsageMark, Window,
};
use super::port::{AlertStore, MailStore};
use crate::base::audit::Change;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

pub(crate) fn settings(account: &str) -> AlertSettings {
    AlertSettings {
        hour_percent: vec![80],
        month_percent: vec![80, 100],
        key_expiry_days: vec![14],
        emails: vec!["dev@example.com".to_owned()],
        ..AlertSettings::none(account)
    }
}

pub(crate) fn usage_mark(window: Window, percent: u32, used: u64) -> UsageMark {
    UsageMark {
        window,
        percent,
        used,
        limit: 100,
        resets_at: NOW.plus(std::time::Duration::from_secs(600)),
    }
}

pub(crate) fn key_mark(days: u32) -> KeyMark {
    KeyMark {
        key_id: "key_1".to_owned(),
        name: "Billing".to_owned(),
        prefix: "lf_live".to_owned(),
        last_four: "abcd".to_owned(),
        expires_at: NOW.plus(std::time::Duration::from_secs(7 * 24 * 3600)),
        days,
    }
}

/// A message of `account` to an address.
pub(crate) fn mail(account: &str, to: &str) -> Mail {
    let matter = Matter::Usage(usage_mark(Window::Hour, 80, 81));
    Mail::new(account, Recipient::Email(to.to_owned()), matter, NOW)
}

/// Settings and messages in memory.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore {
    settings: Mutex<BTreeMap<String, AlertSettings>>,
    mails: Mutex<BTreeMap<String, Kept>>,
    /// What the next calls of `put_alerts` answer with instead of doing anything.
    pub(crate) refusals: Mutex<Vec<StoreError>>,
}

#[derive(Debug, Clone)]
struct Kept {
    mail: Mail,
    attempts: u32,
    due: Option<Timestamp>,
    claim: Option<String>,
    outcome: Option<MailOutcome>,
}

impl MemoryStore {
    /// Puts settings in place.
    pub(crate) fn set(&self, settings: AlertSettings) {
        let account = settings.account_id.clone();
        self.settings.lock().insert(account, settings);
    }

    /// What came of each message last, by address.
    pub(crate) fn outcomes(&self) -> Vec<(Recipient, Option<MailOutcome>)> {
        let mails = self.mails.lock();
        mails
            .values()
            .map(|k| (k.mail.to.clone(), k.outcome))
            .collect()
    }
}

#[async_trait]
impl AlertStore for MemoryStore {
    async fn alerts(&self, account_id: &str) -> Result<Option<AlertSettings>, StoreError> {
        Ok(self.settings.lock().get(account_id).cloned())
    }

    async fn put_alerts(&self, settings: &AlertSettings, _: &Change) -> Result<(), StoreError> {
        if let Some(refusal) = self.refusals.lock().pop() {
            return Err(refusal);
        }
        let mut all = self.settings.lock();
        let known = all.get(&settings.account_id).map_or(0, |s| s.revision);
        if known + 1 != settings.revision {
            return Err(StoreError::Conflict("changed meanwhile".to_owned()));
        }
        all.insert(settings.account_id.clone(), settings.clone());
        Ok(())
    }

    async fn all_alerts(&self, page: &PageRequest) -> Result<Page<AlertSettings>, StoreError> {
        let all = self.settings.lock();
        let after = page.after.clone().unwrap_or_default();
        let limit = page.limit as usize;
        let mut items: Vec<_> = all
            .values()
            .filter(|s| s.account_id > after)
            .take(limit + 1)
            .cloned()
            .collect();
        let is_more = items.len() > limit;
        items.truncate(limit);
        let next = items
            .last()
            .filter(|_| is_more)
            .map(|s| s.account_id.clone());
        Ok(Page { items, next })
    }
}

#[async_trait]
impl MailStore for MemoryStore {
    async fn put_mails(&self, mails: &[Mail], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mut all = self.mails.lock();
        let mut put = |mail: &Mail| {
            let is_new = !all.contains_key(&mail.id);
            let kept = Kept {
                mail: mail.clone(),
                attempts: 0,
                due: Some(now),
                claim: None,
                outcome: None,
            };
            all.entry(mail.id.clone()).or_insert(kept);
            is_new
        };
        Ok(mails.iter().map(&mut put).collect())
    }

    async fn claim_mails(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        let mut all = self.mails.lock();
        let due = all
            .values_mut()
            .filter(|k| k.due.is_some_and(|due| due <= now))
            .take(limit as usize);
        let claim = |kept: &mut Kept| {
            let claim = ids::request_id();
            kept.due = Some(until);
            kept.claim = Some(claim.clone());
            ClaimedMail {
                mail: kept.mail.clone(),
                attempts: kept.attempts,
                claim,
            }
        };
        Ok(due.map(claim).collect())
    }

    async fn finish_mail(
        &self,
        mail: &ClaimedMail,
        outcome: &MailOutcome,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let mut all = self.mails.lock();
        if let Some(kept) = all.get_mut(&mail.mail.id)
            && kept.claim.as_ref() == Some(&mail.claim)
        {
            kept.attempts += 1;
            kept.claim = None;
            kept.outcome = Some(*outcome);
            kept.due = match outcome {
                MailOutcome::Retry(at) => Some(*at),
                MailOutcome::Sent | MailOutcome::Failed => None,
            };
        }
        Ok(())
    }

    async fn mails_waiting(&self) -> Result<u64, StoreError> {
        let waiting = self
            .mails
            .lock()
            .values()
            .filter(|k| k.due.is_some())
            .count();
        Ok(waiting as u64)
    }

    async fn prune_mails(&self, now: Timestamp) -> Result<(), StoreError> {
        self.mails.lock().retain(|_, k| k.mail.kept_until > now);
        Ok(())
    }
}
