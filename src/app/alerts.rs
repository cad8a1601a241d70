//! Sees which accounts have reached a mark that they asked to be told of, and puts what tells it in line; never sends it.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::wire::Parts;
use crate::alerts::decide::{self, Used};
use crate::alerts::known::Known;
use crate::alerts::model::{AlertSettings, KeyMark, Mail, Matter, Window};
use crate::alerts::port::{Announcer, Mailer};
use crate::alerts::service::AlertService;
use crate::alerts::worker::{MailWorker, MailWorkerParts};
use crate::base::ceilings::alerts::{
    ALERT_ACCOUNTS, ALERT_CHANGES, ALERT_LOOK, ALERT_MARKS_AGE, ALERT_MARKS_AT_ONCE,
    ALERT_SETTINGS_AGE,
};
use crate::base::ceilings::operations::EXPIRY_LOOK;
use crate::base::clock::{Clock, DAY, Timestamp};
use crate::base::error::StoreError;
use crate::base::page::{MAX_LIMIT, PageRequest};
use crate::keys::model::KeyRecord;
use crate::limits::UsedQuotas;
use crate::webhooks::operational::{Teller, Told};

/// How much of its quotas an account has used, as [`decide`] takes it.
pub(super) fn used(quotas: &UsedQuotas) -> [Used; 2] {
    [(Window::Hour, &quotas.hour), (Window::Month, &quotas.month)].map(|(window, quota)| Used {
        window,
        used: quota.used,
        limit: quota.limit,
        resets_at: quota.resets_at,
    })
}

/// Publishes alerts to accounts' own webhooks.
struct Announce {
    teller: Teller,
    clock: Clock,
}

#[async_trait]
impl Announcer for Announce {
    async fn announce(&self, mail: &Mail) -> Result<(), StoreError> {
        let told = Told {
            id: mail.event_id(),
            event_type: mail.matter.event_type(),
            at: mail.at,
            data: mail.matter.data(&mail.account_id),
        };
        let now = self.clock.now();
        self.teller.tell_to(&mail.account_id, told, now).await?;
        Ok(())
    }
}

/// What looks, and what tells.
pub(super) struct Alerts {
    parts: Arc<Parts>,
    changes: mpsc::Receiver<AlertSettings>,
    wake: Arc<Notify>,
    worker: Arc<MailWorker>,
}

/// The service that the admin API and the portal change alerts by, and what carries them out.
pub(super) fn makers(parts: &Arc<Parts>, teller: &Teller) -> (AlertService, Alerts) {
    let (changed, changes) = mpsc::channel(ALERT_CHANGES);
    let service = AlertService::new(Arc::clone(&parts.backend.alerts), changed);
    let wake = Arc::new(Notify::new());
    let snapshot = Arc::clone(&parts.snapshot);
    let worker = MailWorker::new(MailWorkerParts {
        store: Arc::clone(&parts.backend.mails),
        settings: Arc::clone(&parts.backend.alerts),
        mailer: Arc::clone(&parts.mailer) as Arc<dyn Mailer>,
        announcer: Arc::new(Announce {
            teller: teller.clone(),
            clock: parts.clock.clone(),
        }),
        portal: Arc::new(move || snapshot.load().config.portal.public_url.clone()),
        clock: parts.clock.clone(),
        wake: Arc::clone(&wake),
        metrics: Arc::clone(&parts.metrics.alerts),
    });
    let alerts = Alerts {
        parts: Arc::clone(parts),
        changes,
        wake,
        worker: Arc::new(worker),
    };
    (service, alerts)
}

impl Alerts {
    /// All of it; each ends some time after `stop`.
    pub(super) fn run(self, stop: &watch::Receiver<bool>) -> [BoxFuture<'static, ()>; 2] {
        let worker = Arc::clone(&self.worker).run(stop.clone());
        let watch = Watch::new(self.parts, self.wake);
        [
            worker.boxed(),
            watch.run(self.changes, stop.clone()).boxed(),
        ]
    }
}

/// What this node knows of all accounts' settings and has put in line.
struct Watch {
    parts: Arc<Parts>,
    wake: Arc<Notify>,
    settings: BTreeMap<String, Arc<AlertSettings>>,
    read_at: Option<Instant>,
    known: Known,
    known_since: Instant,
}

/// What is to be told to an account, as its settings have it.
struct News {
    settings: Arc<AlertSettings>,
    matter: Matter,
}

impl Watch {
    fn new(parts: Arc<Parts>, wake: Arc<Notify>) -> Self {
        Self {
            parts,
            wake,
            settings: BTreeMap::new(),
            read_at: None,
            known: Known::default(),
            known_since: Instant::now(),
        }
    }

    async fn run(
        mut self,
        mut changes: mpsc::Receiver<AlertSettings>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut next_keys = Instant::now();
        loop {
            self.forget();
            if let Err(e) = self.look_at_usage().await {
                tracing::debug!("alerts of usage are not looked for now: {e}");
            }
            if next_keys <= Instant::now() {
                next_keys = Instant::now() + EXPIRY_LOOK;
                if let Err(e) = self.look_at_keys().await {
                    tracing::debug!("alerts of keys are not looked for now: {e}");
                    next_keys = Instant::now() + ALERT_SETTINGS_AGE;
                }
            }
            let next = Instant::now() + ALERT_LOOK;
            loop {
                let changed = tokio::select! {
                    biased;
                    _ = stop.wait_for(|s| *s) => return,
                    Some(changed) = changes.recv() => changed,
                    () = sleep_until(next) => break,
                };
                self.changed(changed).await;
            }
        }
    }

    /// What was written is asked for again now and then: a failover may have lost it.
    fn forget(&mut self) {
        if self.known_since.elapsed() > ALERT_MARKS_AGE {
            self.known.clear();
            self.known_since = Instant::now();
        }
    }

    /// Takes a change that was made on this node, and looks at once what it means for its account.
    async fn changed(&mut self, settings: AlertSettings) {
        let account = settings.account_id.clone();
        self.settings.insert(account.clone(), Arc::new(settings));
        let now = self.parts.clock.now();
        let mut news = self.of_usage(&account, now);
        match self.keys_of(&account, now).await {
            Ok(more) => news.extend(more),
            Err(e) => tracing::debug!("an account's keys are not looked at now: {e}"),
        }
        if let Err(e) = self.put(news, now).await {
            tracing::debug!("messages of alerts are not written now: {e}");
        }
    }

    /// Reads the settings of all accounts where what is known of them is old.
    async fn refresh(&mut self) -> Result<(), StoreError> {
        if self
            .read_at
            .is_some_and(|at| at.elapsed() < ALERT_SETTINGS_AGE)
        {
            return Ok(());
        }
        let mut all = BTreeMap::new();
        let (mut left_out, mut page) = (0_usize, from_the_first());
        loop {
            let found = self.parts.backend.alerts.all_alerts(&page).await?;
            for settings in found.items {
                if all.len() < ALERT_ACCOUNTS || all.contains_key(&settings.account_id) {
                    all.insert(settings.account_id.clone(), Arc::new(settings));
                } else {
                    left_out += 1;
                }
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        if left_out > 0 {
            tracing::warn!(
                accounts = left_out,
                "more accounts have alerts than a node looks at; these are told of nothing"
            );
        }
        (self.settings, self.read_at) = (all, Some(Instant::now()));
        Ok(())
    }

    async fn look_at_usage(&mut self) -> Result<(), StoreError> {
        self.refresh().await?;
        let now = self.parts.clock.now();
        let accounts = self.settings.keys();
        let news: Vec<News> = accounts.flat_map(|id| self.of_usage(id, now)).collect();
        self.put(news, now).await
    }

    /// What is to be told of an account's usage. One that this node has not served since it started used nothing here.
    fn of_usage(&self, account_id: &str, now: Timestamp) -> Vec<News> {
        let (Some(settings), Some(limits)) = (
            self.settings.get(account_id),
            self.parts.limiter.loaded(account_id),
        ) else {
            return Vec::new();
        };
        let marks = decide::reached(settings, &used(&limits.used(now)), now);
        let news = marks.into_iter().map(|mark| News {
            settings: Arc::clone(settings),
            matter: Matter::Usage(mark),
        });
        news.collect()
    }

    /// Looks at all keys that expire before the earliest mark that any account has set.
    async fn look_at_keys(&mut self) -> Result<(), StoreError> {
        self.refresh().await?;
        let days = self.settings.values().flat_map(|s| &s.key_expiry_days);
        let Some(first) = days.max().copied() else {
            return Ok(());
        };
        let mut page = from_the_first();
        loop {
            let now = self.parts.clock.now();
            let until = now.plus(DAY * first);
            let keys = &self.parts.backend.keys;
            let found = keys.keys_expiring(now, until, &page).await?;
            let keys = found.items.iter();
            let news: Vec<News> = keys.filter_map(|key| self.of_key(key, now)).collect();
            self.put(news, now).await?;
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(()),
            }
        }
    }

    /// What is to be told of one account's keys.
    async fn keys_of(&self, account_id: &str, now: Timestamp) -> Result<Vec<News>, StoreError> {
        let asks = |s: &Arc<AlertSettings>| !s.key_expiry_days.is_empty();
        if !self.settings.get(account_id).is_some_and(asks) {
            return Ok(Vec::new());
        }
        let (mut news, mut page) = (Vec::new(), from_the_first());
        loop {
            let keys = &self.parts.backend.keys;
            let found = keys.keys(Some(account_id), &page).await?;
            news.extend(found.items.iter().filter_map(|key| self.of_key(key, now)));
            match found.next {
                Some(next) => page.after = Some(next),
                None => return Ok(news),
            }
        }
    }

    fn of_key(&self, key: &KeyRecord, now: Timestamp) -> Option<News> {
        let settings = self.settings.get(&key.account_id)?;
        let expires_at = key.expires_at?;
        if key.revoked_at.is_some() || key.disabled {
            return None;
        }
        let mark = KeyMark {
            key_id: key.id.clone(),
            name: key.name.clone(),
            prefix: key.prefix.clone(),
            last_four: key.last_four.clone(),
            expires_at,
            days: 0,
        };
        Some(News {
            settings: Arc::clone(settings),
            matter: Matter::KeyExpiring(decide::expiring(settings, mark, now)?),
        })
    }

    /// Puts in line what this node has not put yet.
    async fn put(&mut self, mut news: Vec<News>, now: Timestamp) -> Result<(), StoreError> {
        let can_mail = self.parts.mailer.is_set();
        // Ids of messages are digests: none is made for what is known.
        news.retain(|n| !self.known.has(&n.settings, &n.matter, can_mail));
        for some in news.chunks(ALERT_MARKS_AT_ONCE) {
            let mails: Vec<Mail> = some
                .iter()
                .flat_map(|n| decide::mails(&n.settings, &n.matter, can_mail, now))
                .collect();
            let put = self.parts.backend.mails.put_mails(&mails, now).await?;
            for (mail, is_new) in mails.iter().zip(put) {
                if is_new {
                    self.parts.metrics.alerts.alert(mail.to.channel(), 1);
                }
            }
            for n in some {
                self.known.note(&n.settings, &n.matter, can_mail);
            }
            self.wake.notify_one();
        }
        Ok(())
    }
}

fn from_the_first() -> PageRequest {
    PageRequest {
        limit: MAX_LIMIT,
        after: None,
    }
}
