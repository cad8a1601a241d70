//! Audit entries and remembered answers of another store, written as they are; never a change that they belong to.

use super::accounts::count;
use crate::base::audit::AuditEntry;
use crate::base::clock::Timestamp;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;
use crate::store::redis::Store;
use crate::store::redis::answers::{self, Listed};
use crate::store::redis::audit::{Mention, to_text};
use crate::store::redis::each::each;
use crate::store::redis::key_names::COMMON;
use crate::store::redis::link::Patience;
use crate::store::redis::lists::LOG;
use crate::store::transfer::AnswerRow;

/// The slot of what concerns an account, or none.
fn tag(account_id: Option<&str>) -> &str {
    account_id.filter(|id| is_account_id(id)).unwrap_or(COMMON)
}

/// Where an entry that is copied lies.
pub(super) fn mention(entry: &AuditEntry) -> Mention {
    Mention::of(entry, tag(entry.account_id.as_deref()))
}

impl Store {
    /// Writes those of these audit entries that are not there as they are, and tells how many.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_audit(&self, rows: &[AuditEntry]) -> Result<u64, StoreError> {
        let texts = each(rows.iter().map(|row| self.other_entry(row))).await?;
        let others: Vec<(Mention, String)> = rows
            .iter()
            .zip(texts)
            .filter_map(|(row, text)| Some((mention(row), text?)))
            .collect();
        let listed: Vec<_> = others
            .iter()
            .map(|(m, _)| (m.id.as_str(), m.member()))
            .collect();
        LOG.add(self, &listed).await?;
        let written = others.iter().map(|(mention, text)| async move {
            let mut cmd = redis::cmd("SET");
            cmd.arg(mention.entry_key(&self.names)).arg(text);
            self.link.run::<()>(Patience::Calm, &cmd).await
        });
        Ok(each(written).await?.len() as u64)
    }

    async fn other_entry(&self, row: &AuditEntry) -> Result<Option<String>, StoreError> {
        let text = to_text(row)?;
        let mut cmd = redis::cmd("GET");
        cmd.arg(mention(row).entry_key(&self.names));
        let there: Option<String> = self.link.run(Patience::Calm, &cmd).await?;
        Ok((there.as_ref() != Some(&text)).then_some(text))
    }

    /// Writes those of these answers that are not there as they are, and tells how many. Redis forgets each when it
    /// expires.
    ///
    /// # Errors
    /// When one cannot be written; then others may be.
    pub async fn copy_answers(
        &self,
        rows: &[AnswerRow],
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let written = rows.iter().map(|row| self.copy_answer(row, now));
        Ok(count(each(written).await?))
    }

    async fn copy_answer(&self, row: &AnswerRow, now: Timestamp) -> Result<bool, StoreError> {
        let answer = &row.answer;
        if answers::answer(self, &answer.key, now).await?.as_ref() == Some(answer) {
            return Ok(false);
        }
        let index = answers::index_id(&answer.key);
        // The change that claimed it lies with the source; any id will do that is always the same.
        let listed = Listed {
            claim: format!("copy_{}", index.get(..32).unwrap_or(&index)),
            tag: tag(row.account_id.as_deref()).to_owned(),
            account_id: row.account_id.clone().unwrap_or_default(),
            index,
        };
        answers::copy_in(self, &listed, answer, now).await?;
        Ok(true)
    }
}
