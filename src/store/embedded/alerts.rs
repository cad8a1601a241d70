//! Settings of alerts and their messages in SQLite; never who is told.

use async_trait::async_trait;
use rusqlite::{Connection, Row};

use super::accounts::{by_id as account_by_id, refuse_erasing};
use super::fail::{Done, Fail};
use super::rows::{all, fetch, first, json, paged, run, to_json};
use super::{EmbeddedStore, change};
use crate::alerts::model::{AlertSettings, ClaimedMail, Mail, MailOutcome};
use crate::alerts::port::{AlertStore, MailStore};
use crate::base::audit::Change;
use crate::base::ceilings::STORE_DELETE_ROWS;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids;
use crate::base::page::{Page, PageRequest};

const WAITS: u8 = 0;
const SENT: u8 = 1;
const FAILED: u8 = 2;

fn settings(row: &Row<'_>) -> rusqlite::Result<AlertSettings> {
    Ok(AlertSettings {
        revision: row.get("revision")?,
        ..json(row, "settings")?
    })
}

fn of_account(conn: &Connection, account_id: &str) -> Done<Option<AlertSettings>> {
    first(
        conn,
        "SELECT * FROM alert WHERE account_id = ?1",
        [account_id],
        settings,
    )
}

fn put_settings(conn: &Connection, new: &AlertSettings, why: &Change) -> Done<()> {
    refuse_erasing(account_by_id(conn, &new.account_id)?.as_ref())?;
    let known = of_account(conn, &new.account_id)?.map_or(0, |s| s.revision);
    if known.checked_add(1) != Some(new.revision) {
        return Err(Fail::conflict("the alerts were changed meanwhile"));
    }
    run(
        conn,
        "INSERT INTO alert (account_id, settings, revision) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET settings = excluded.settings, revision = excluded.revision",
        (&new.account_id, to_json(new)?, new.revision),
    )?;
    change::write(conn, why)
}

/// Whether it was put. An erasure begins with the settings: without them nothing is put any more.
fn put_mail(conn: &Connection, mail: &Mail, now: Timestamp) -> Done<bool> {
    let written = run(
        conn,
        "INSERT INTO mail (id, account_id, mail, state, attempts, due_at, claim, kept_until)
         SELECT ?1, ?2, ?3, ?4, 0, ?5, NULL, ?6 FROM alert WHERE account_id = ?2
         ON CONFLICT DO NOTHING",
        (
            &mail.id,
            &mail.account_id,
            to_json(mail)?,
            WAITS,
            now,
            mail.kept_until,
        ),
    )?;
    Ok(written > 0)
}

fn claim(
    conn: &Connection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Done<Vec<ClaimedMail>> {
    let claim = ids::request_id();
    all(
        conn,
        "UPDATE mail SET due_at = ?2, claim = ?3 WHERE id IN
             (SELECT id FROM mail WHERE due_at <= ?1 ORDER BY due_at, id LIMIT ?4)
         RETURNING mail, attempts",
        (now, until, &claim, limit),
        |row| {
            Ok(ClaimedMail {
                mail: json(row, "mail")?,
                attempts: row.get("attempts")?,
                claim: claim.clone(),
            })
        },
    )
}

fn finish(conn: &Connection, mail: &ClaimedMail, outcome: &MailOutcome) -> Done<()> {
    let (state, due) = match outcome {
        MailOutcome::Sent => (SENT, None),
        MailOutcome::Retry(at) => (WAITS, Some(*at)),
        MailOutcome::Failed => (FAILED, None),
    };
    run(
        conn,
        "UPDATE mail SET state = ?3, due_at = ?4, claim = NULL, attempts = attempts + 1
         WHERE id = ?1 AND claim = ?2",
        (&mail.mail.id, &mail.claim, state, due),
    )?;
    Ok(())
}

#[async_trait]
impl AlertStore for EmbeddedStore {
    async fn alerts(&self, account_id: &str) -> Result<Option<AlertSettings>, StoreError> {
        let account_id = account_id.to_owned();
        self.read(move |c| of_account(c, &account_id)).await
    }

    async fn put_alerts(&self, new: &AlertSettings, change: &Change) -> Result<(), StoreError> {
        let (new, change) = (new.clone(), change.clone());
        self.write(move |c| put_settings(c, &new, &change)).await
    }

    async fn all_alerts(&self, page: &PageRequest) -> Result<Page<AlertSettings>, StoreError> {
        let page = page.clone();
        self.read(move |c| {
            let found = all(
                c,
                "SELECT * FROM alert WHERE account_id > ifnull(?1, '') ORDER BY account_id LIMIT ?2",
                (&page.after, fetch(&page)),
                settings,
            )?;
            Ok(paged(found, &page, |s| s.account_id.clone()))
        })
        .await
    }
}

#[async_trait]
impl MailStore for EmbeddedStore {
    async fn put_mails(&self, mails: &[Mail], now: Timestamp) -> Result<Vec<bool>, StoreError> {
        let mails = mails.to_vec();
        self.write(move |c| mails.iter().map(|mail| put_mail(c, mail, now)).collect())
            .await
    }

    async fn claim_mails(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ClaimedMail>, StoreError> {
        // Mostly there is none, which costs no write.
        let is_any = self
            .read(move |c| {
                first(
                    c,
                    "SELECT 1 FROM mail WHERE due_at <= ?1 LIMIT 1",
                    [now],
                    |_| Ok(()),
                )
            })
            .await?;
        match is_any {
            Some(()) => self.write(move |c| claim(c, now, until, limit)).await,
            None => Ok(Vec::new()),
        }
    }

    async fn finish_mail(
        &self,
        mail: &ClaimedMail,
        outcome: &MailOutcome,
        _: Timestamp,
    ) -> Result<(), StoreError> {
        let (mail, outcome) = (mail.clone(), *outcome);
        self.write(move |c| finish(c, &mail, &outcome)).await
    }

    async fn mails_waiting(&self) -> Result<u64, StoreError> {
        self.read(move |c| {
            let waiting = first(
                c,
                "SELECT count(*) FROM mail WHERE due_at IS NOT NULL",
                (),
                |r| r.get(0),
            )?;
            Ok(waiting.unwrap_or(0))
        })
        .await
    }

    async fn prune_mails(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let gone = self
                .write(move |c| {
                    run(
                        c,
                        "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE kept_until <= ?1 LIMIT ?2)",
                        (now, STORE_DELETE_ROWS),
                    )
                })
                .await?;
            if gone < STORE_DELETE_ROWS as usize {
                return Ok(());
            }
        }
    }
}
