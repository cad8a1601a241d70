//! What is written down for the operator.

use super::*;
use crate::store::contract::deliveries::{attempt, claim};
use crate::store::contract::health::{busy, end, failed};
use crate::webhooks::model::Outcome;
use crate::webhooks::notice;
use crate::webhooks::port::notices::Notice;

fn notices(file: &Path) -> Vec<Notice> {
    let raw = rusqlite::Connection::open(file).unwrap();
    let mut all = raw.prepare("SELECT * FROM notice ORDER BY at").unwrap();
    let all = all.query_map([], |r| {
        Ok(Notice {
            id: r.get("id")?,
            account_id: r.get("account_id")?,
            kind: r.get("kind")?,
            at: r.get("at")?,
            details: r.get("details")?,
        })
    });
    all.unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn what_is_exhausted_and_what_is_disabled_is_written_down() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("fuelgate.db");
    let s = stores_at(dir);
    busy(&s, "a", "x", 1).await;
    let c = claim(&s, at(1)).await.remove(0);
    end(&s, &c, &Outcome::Exhausted, &failed(), at(2)).await;
    let exhausted = notice::exhausted(&c.delivery, &attempt(at(2)), at(2));
    let e = busy(&s, "a", "y", 1).await;
    let c = claim(&s, at(3)).await.remove(0);
    let gone = Outcome::DisableEndpoint("gone".to_owned());
    end(&s, &c, &gone, &failed(), at(4)).await;
    busy(&s, "fuelgate:operator", "x", 1).await;
    let c = claim(&s, at(5)).await.remove(0);
    end(&s, &c, &Outcome::Exhausted, &failed(), at(5)).await;
    let disabled = notice::disabled(&e, "gone", at(4));
    assert_eq!(notices(&file), [exhausted, disabled]);
}
