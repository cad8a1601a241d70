//! Notices that wait to be told; never how they come about.

use async_trait::async_trait;
use rusqlite::Row;

use super::EmbeddedStore;
use super::rows::{all, run};
use crate::base::error::StoreError;
use crate::webhooks::port::NoticeStore;
use crate::webhooks::port::notices::Notice;

pub(super) fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    Ok(Notice {
        id: row.get("id")?,
        account_id: row.get("account_id")?,
        kind: row.get("kind")?,
        at: row.get("at")?,
        details: row.get("details")?,
    })
}

#[async_trait]
impl NoticeStore for EmbeddedStore {
    async fn waiting_notices(&self, limit: u32) -> Result<Vec<Notice>, StoreError> {
        self.read(move |conn| {
            all(
                conn,
                "SELECT * FROM notice ORDER BY at, id LIMIT ?1",
                [limit],
                notice,
            )
        })
        .await
    }

    async fn remove_notices(&self, notices: &[Notice]) -> Result<(), StoreError> {
        let ids: Vec<String> = notices.iter().map(|n| n.id.clone()).collect();
        self.write(move |conn| {
            for id in &ids {
                run(conn, "DELETE FROM notice WHERE id = ?1", [id])?;
            }
            Ok(())
        })
        .await
    }
}
