//! The worker that tells: claims messages that are due, sends them, notes what came of it; never decides what is told.

use std::sync::Arc;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::model::{ClaimedMail, Mail, MailOutcome, Recipient};
use super::port::{AlertStore, Announcer, MailError, MailStore, Mailer};
use super::{schedule, text};
use crate::base::ceilings::alerts::{MAIL_CLAIM, MAIL_POLL, MAIL_SEND_TIME, MAILS_IN_FLIGHT};
use crate::base::clock::Clock;
use crate::base::error::StoreError;
use crate::observe::AlertMetrics;

/// Tells; one for each node.
pub struct MailWorker {
    store: Arc<dyn MailStore>,
    settings: Arc<dyn AlertStore>,
    mailer: Arc<dyn Mailer>,
    announcer: Arc<dyn Announcer>,
    /// The portal's public address as it is now.
    portal: Arc<dyn Fn() -> String + Send + Sync>,
    clock: Clock,
    wake: Arc<Notify>,
    metrics: Arc<AlertMetrics>,
}

/// What a worker is made of.
pub struct MailWorkerParts {
    /// Where messages wait.
    pub store: Arc<dyn MailStore>,
    /// Who is told still.
    pub settings: Arc<dyn AlertStore>,
    /// Who sends e-mails.
    pub mailer: Arc<dyn Mailer>,
    /// Who publishes events.
    pub announcer: Arc<dyn Announcer>,
    /// The portal's public address as it is now.
    pub portal: Arc<dyn Fn() -> String + Send + Sync>,
    /// By which messages are due.
    pub clock: Clock,
    /// Notified when a message may have become due.
    pub wake: Arc<Notify>,
    /// Where it counts.
    pub metrics: Arc<AlertMetrics>,
}

impl MailWorker {
    /// A worker.
    pub fn new(parts: MailWorkerParts) -> Self {
        let MailWorkerParts {
            store,
            settings,
            mailer,
            announcer,
            portal,
            clock,
            wake,
            metrics,
        } = parts;
        Self {
            store,
            settings,
            mailer,
            announcer,
            portal,
            clock,
            wake,
            metrics,
        }
    }

    /// Tells until `stop`; then waits for what is under way. What is cut off is told again when its claim has run out.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut under_way = JoinSet::new();
        while !*stop.borrow() {
            while under_way.try_join_next().is_some() {}
            let room = MAILS_IN_FLIGHT.saturating_sub(under_way.len());
            let claimed = self.claim(room).await.unwrap_or_else(|error| {
                // The store says itself that it is away, and this comes every few seconds.
                tracing::debug!(%error, "messages of alerts wait for the store");
                Vec::new()
            });
            let is_more = room > 0 && claimed.len() == room;
            for mail in claimed {
                under_way.spawn(Arc::clone(&self).attempt(mail));
            }
            let is_full = under_way.len() >= MAILS_IN_FLIGHT;
            tokio::select! {
                Some(_) = under_way.join_next(), if is_more || is_full => {}
                () = self.wake.notified(), if !is_full => {}
                () = tokio::time::sleep(MAIL_POLL), if !is_full => {}
                _ = stop.wait_for(|s| *s) => break,
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    async fn claim(&self, room: usize) -> Result<Vec<ClaimedMail>, StoreError> {
        let Some(limit) = u32::try_from(room).ok().filter(|n| *n > 0) else {
            return Ok(Vec::new());
        };
        let now = self.clock.now();
        self.store
            .claim_mails(now, now.plus(MAIL_CLAIM), limit)
            .await
    }

    /// Tells one, and notes what came of it. Where that cannot be noted it is told again when the claim has run out: twice
    /// is better than not at all, and it is the same message each time.
    pub(super) async fn attempt(self: Arc<Self>, claimed: ClaimedMail) {
        let mail = &claimed.mail;
        let told = tokio::time::timeout(MAIL_SEND_TIME, self.tell(&claimed))
            .await
            .unwrap_or_else(|_| Err(retry("it took too long")));
        let now = self.clock.now();
        let result = told.as_ref().copied();
        let outcome = schedule::next(
            result,
            claimed.attempts,
            mail.matter.ends_at(),
            now,
            fastrand::f64(),
        );
        if let Err(error) = &told {
            match outcome {
                MailOutcome::Failed => {
                    tracing::warn!(mail = mail.id, account = mail.account_id, %error, "an alert is given up");
                }
                _ => tracing::debug!(mail = mail.id, %error, "an alert is told later"),
            }
        }
        if matches!(mail.to, Recipient::Email(_)) {
            let outcome = match outcome {
                MailOutcome::Sent => "sent",
                MailOutcome::Retry(_) => "retry",
                MailOutcome::Failed => "failed",
            };
            self.metrics.mail(outcome, 1);
        }
        if let Err(error) = self.store.finish_mail(&claimed, &outcome, now).await {
            tracing::warn!(mail = mail.id, %error, "what came of an alert cannot be noted; it may be told again");
        }
    }

    async fn tell(&self, claimed: &ClaimedMail) -> Result<(), MailError> {
        let mail = &claimed.mail;
        match text::render(mail, &(self.portal)()) {
            Some(rendered) if self.is_wanted(&rendered.to, mail).await? => {
                self.mailer.send(&rendered).await
            }
            Some(_) => Err(MailError {
                is_permanent: true,
                text: "the address is told no longer".to_owned(),
            }),
            None => self.announcer.announce(mail).await.map_err(|e| MailError {
                // An account that is being erased is told nothing.
                is_permanent: matches!(e, StoreError::Conflict(_) | StoreError::NotFound),
                text: e.to_string(),
            }),
        }
    }
}

impl MailWorker {
    /// Whether the account still asks to have this address told: it may have been taken out while a server was away.
    async fn is_wanted(&self, address: &str, mail: &Mail) -> Result<bool, MailError> {
        let settings = self.settings.alerts(&mail.account_id).await;
        let settings = settings.map_err(|e| retry(&e.to_string()))?;
        Ok(settings.is_some_and(|s| s.emails.iter().any(|e| e.eq_ignore_ascii_case(address))))
    }
}

fn retry(text: &str) -> MailError {
    MailError {
        is_permanent: false,
        text: text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use parking_lot::Mutex;

    use super::*;
    use crate::alerts::model::AlertSettings;
    use crate::alerts::testing::{MemoryStore, NOW, mail, settings};
    use crate::alerts::text::Rendered;
    use crate::observe::Metrics;

    /// A mail server by the answers that it gives one after another; then it takes everything.
    #[derive(Default)]
    struct Script {
        answers: Mutex<Vec<MailError>>,
        taken: Mutex<Vec<Rendered>>,
        announced: Mutex<Vec<Mail>>,
    }

    #[async_trait]
    impl Mailer for Script {
        fn is_set(&self) -> bool {
            true
        }

        async fn send(&self, mail: &Rendered) -> Result<(), MailError> {
            if let Some(error) = self.answers.lock().pop() {
                return Err(error);
            }
            self.taken.lock().push(mail.clone());
            Ok(())
        }
    }

    #[async_trait]
    impl Announcer for Script {
        async fn announce(&self, mail: &Mail) -> Result<(), StoreError> {
            self.announced.lock().push(mail.clone());
            Ok(())
        }
    }

    struct World {
        store: Arc<MemoryStore>,
        script: Arc<Script>,
        clock: Clock,
        worker: Arc<MailWorker>,
    }

    impl World {
        fn new(answers: Vec<MailError>) -> Self {
            let store = Arc::new(MemoryStore::default());
            let script = Arc::new(Script::default());
            *script.answers.lock() = answers;
            let clock = Clock::manual(NOW);
            let emails = (0..20).map(|n| format!("dev{n}@example.com"));
            store.set(AlertSettings {
                emails: emails.chain(["dev@example.com".to_owned()]).collect(),
                ..settings("a")
            });
            let worker = Arc::new(MailWorker::new(MailWorkerParts {
                store: store.clone(),
                settings: store.clone(),
                mailer: script.clone(),
                announcer: script.clone(),
                portal: Arc::new(|| "https://dev.example.com".to_owned()),
                clock: clock.clone(),
                wake: Arc::default(),
                metrics: Arc::clone(&Metrics::new().unwrap().alerts),
            }));
            Self {
                store,
                script,
                clock,
                worker,
            }
        }

        /// One look at what is due.
        async fn look(&self) -> usize {
            let claimed = self.worker.claim(MAILS_IN_FLIGHT).await.unwrap();
            let n = claimed.len();
            for mail in claimed {
                Arc::clone(&self.worker).attempt(mail).await;
            }
            n
        }

        fn counted(&self) -> [u64; 3] {
            ["sent", "retry", "failed"].map(|outcome| self.worker.metrics.mails(outcome))
        }
    }

    fn error(is_permanent: bool) -> MailError {
        MailError {
            is_permanent,
            text: "451 later".to_owned(),
        }
    }

    #[tokio::test]
    async fn a_message_is_sent_once_however_often_it_is_put() {
        let world = World::new(Vec::new());
        for _ in 0..3 {
            let mails = [mail("a", "dev@example.com")];
            world.store.put_mails(&mails, NOW).await.unwrap();
            world.look().await;
        }
        assert_eq!(world.script.taken.lock().len(), 1);
        assert_eq!(world.counted(), [1, 0, 0]);
        assert_eq!(world.store.mails_waiting().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_refusal_for_now_is_tried_again_and_the_message_is_the_same() {
        let world = World::new(vec![error(false)]);
        let mails = [mail("a", "dev@example.com")];
        world.store.put_mails(&mails, NOW).await.unwrap();
        assert_eq!(world.look().await, 1);
        world.clock.advance(Duration::from_secs(59));
        assert_eq!(world.look().await, 0);
        world.clock.advance(Duration::from_secs(10));
        assert_eq!(world.look().await, 1);
        assert_eq!(world.script.taken.lock()[0].id, mails[0].id);
        assert_eq!(world.counted(), [1, 1, 0]);
    }

    #[tokio::test]
    async fn a_refusal_for_good_is_given_up() {
        let world = World::new(vec![error(true)]);
        let mails = [mail("a", "dev@example.com")];
        world.store.put_mails(&mails, NOW).await.unwrap();
        world.look().await;
        world.clock.advance(Duration::from_secs(600));
        assert_eq!(world.look().await, 0);
        assert_eq!(world.counted(), [0, 0, 1]);
        assert_eq!(world.store.outcomes()[0].1, Some(MailOutcome::Failed));
    }

    #[tokio::test]
    async fn what_a_node_had_when_it_died_is_told_when_its_claim_has_run_out() {
        let world = World::new(Vec::new());
        let mails = [mail("a", "dev@example.com")];
        world.store.put_mails(&mails, NOW).await.unwrap();
        let lost = world.worker.claim(8).await.unwrap();
        assert_eq!(world.look().await, 0);
        world.clock.advance(MAIL_CLAIM);
        assert_eq!(world.look().await, 1);
        // The first node was only slow: nothing of what it notes counts any more.
        let late = &MailOutcome::Failed;
        world.store.finish_mail(&lost[0], late, NOW).await.unwrap();
        assert_eq!(world.store.outcomes()[0].1, Some(MailOutcome::Sent));
    }

    #[tokio::test]
    async fn an_address_that_was_taken_out_meanwhile_gets_nothing() {
        let world = World::new(Vec::new());
        let mails = [mail("a", "dev@example.com"), mail("b", "dev@example.com")];
        world.store.put_mails(&mails, NOW).await.unwrap();
        world.store.set(AlertSettings::none("a"));
        assert_eq!(world.look().await, 2);
        assert!(world.script.taken.lock().is_empty());
        assert_eq!(world.store.mails_waiting().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_is_for_webhooks_is_published_and_no_e_mail() {
        let world = World::new(Vec::new());
        let of = mail("a", "dev@example.com");
        let mails = [Mail::new("a", Recipient::Webhooks, of.matter, NOW)];
        world.store.put_mails(&mails, NOW).await.unwrap();
        world.look().await;
        assert_eq!(*world.script.announced.lock(), mails);
        assert!(world.script.taken.lock().is_empty());
        assert_eq!(world.counted(), [0, 0, 0]);
    }

    #[tokio::test]
    async fn a_stop_waits_for_what_is_under_way() {
        let world = World::new(Vec::new());
        let mails: Vec<Mail> = (0..20)
            .map(|n| mail("a", &format!("dev{n}@example.com")))
            .collect();
        world.store.put_mails(&mails, NOW).await.unwrap();
        let (stop, signal) = watch::channel(false);
        let running = tokio::spawn(Arc::clone(&world.worker).run(signal));
        let all_taken = || world.script.taken.lock().len() >= mails.len();
        crate::base::testing::eventually("all are taken", all_taken).await;
        stop.send(true).unwrap();
        running.await.unwrap();
        assert_eq!(world.counted(), [20, 0, 0]);
    }
}
