//! Notices, read in the order in which they came about and removed.

use super::*;
use crate::store::sqlite::rows::run;
use crate::webhooks::port::NoticeStore;
use crate::webhooks::port::notices::Notice;

#[tokio::test]
async fn notices_are_read_oldest_first_and_removed() {
    let dir = TempDir::new().unwrap();
    let store = open(dir.path(), Options::default());
    let notice = |n: i64| Notice {
        id: format!("exhausted_{}", 9 - n),
        account_id: "a".to_owned(),
        kind: "delivery.exhausted".to_owned(),
        at: at(n),
        details: "{}".to_owned(),
    };
    let all: Vec<Notice> = (0..4).map(notice).collect();
    for n in all.clone() {
        store
            .write(move |c| {
                run(
                    c,
                    "INSERT INTO notice VALUES (?1, ?2, ?3, ?4, ?5)",
                    (&n.id, &n.account_id, &n.kind, n.at, &n.details),
                )
            })
            .await
            .unwrap();
    }
    assert_eq!(store.waiting_notices(9).await.unwrap(), all);
    assert_eq!(store.waiting_notices(2).await.unwrap(), all[..2]);
    for _ in 0..2 {
        store.remove_notices(&all[..3]).await.unwrap();
    }
    assert_eq!(store.waiting_notices(9).await.unwrap(), all[3..]);
}
