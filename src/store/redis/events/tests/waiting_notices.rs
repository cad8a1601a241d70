//! Notices of all shards, read together and removed one by one.

use super::*;
use crate::store::redis::events::shard::Shard;
use crate::webhooks::port::NoticeStore;
use crate::webhooks::port::notices::Notice;

#[tokio::test]
async fn notices_are_read_oldest_first_and_removed() {
    let (_server, _, store) = alone().await;
    let mut all = Vec::new();
    for (n, account) in ["c", "a", "b", "a"].into_iter().enumerate() {
        let notice = Notice {
            id: format!("exhausted_{n}"),
            account_id: account.to_owned(),
            kind: "delivery.exhausted".to_owned(),
            at: at(n as i64),
            details: "{}".to_owned(),
        };
        let shard = Shard::of(&store, account);
        let mut cmd = redis::cmd("HSET");
        cmd.arg(shard.notice(&notice.id));
        cmd.arg("account").arg(account);
        cmd.arg("kind").arg(&notice.kind);
        cmd.arg("at").arg(notice.at.millis());
        cmd.arg("details").arg(&notice.details);
        run::<()>(&store, &cmd).await;
        let mut cmd = redis::cmd("ZADD");
        cmd.arg(shard.notices()).arg(notice.at.millis());
        run::<()>(&store, cmd.arg(&notice.id)).await;
        all.push(notice);
    }
    assert_eq!(store.waiting_notices(9).await.unwrap(), all);
    assert_eq!(store.waiting_notices(2).await.unwrap(), all[..2]);
    for _ in 0..2 {
        store.remove_notices(&all[..3]).await.unwrap();
    }
    assert_eq!(store.waiting_notices(9).await.unwrap(), all[3..]);
}
