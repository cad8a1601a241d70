//! What a hundred thousand rows of usage take of a server's memory; never how long they take.

use super::*;
use crate::base::clock::HOUR_MS;
use crate::store::redis::testing::Server;

const ROWS: usize = 100_000;
const OF_A_BATCH: usize = 10_000;

fn memory(server: &Server) -> u64 {
    let info: String = server.ask(&["INFO", "memory"]);
    let line = info.lines().find_map(|l| l.strip_prefix("used_memory:"));
    line.unwrap().trim().parse().unwrap()
}

/// Applies rows that `row` puts into batches by their number, and says how many bytes each takes.
async fn bytes_a_row(row: impl Fn(usize, &mut UsageBatch)) -> u64 {
    let server = Server::start(&[]);
    let store = Store::new(server.settings(), Clock::manual(at(0)));
    store.apply(&batch("boot", 1)).await.unwrap();
    let before = memory(&server);
    for (first, sequence) in (0..ROWS).step_by(OF_A_BATCH).zip(2..) {
        let mut batch = rows("boot", sequence, vec![], vec![]);
        (first..first + OF_A_BATCH).for_each(|n| row(n, &mut batch));
        store.apply(&batch).await.unwrap();
    }
    (memory(&server) - before) / ROWS as u64
}

/// Ids as the gateway makes them, of a hundred accounts with ten keys each.
fn owner(n: usize) -> (String, String) {
    let (account, key) = (n % 100, n / 100 % 10);
    (
        format!("acct_01jd5x2q7v9m{account:04}"),
        format!("key_01jd5x2q7v9m3n8r6t0w{:04}", account * 10 + key),
    )
}

fn hour(n: usize) -> Timestamp {
    let since = i64::try_from(n / 1_000).unwrap() * HOUR_MS;
    Timestamp::from_millis(at(0).hour_start().millis() + since)
}

#[tokio::test]
async fn a_row_takes_little_memory() {
    let of_keys = bytes_a_row(|n, batch| {
        let (account, key) = owner(n);
        batch.keys.push(key_row(&account, &key, hour(n), 2, 1_234));
    });
    let of_routes = bytes_a_row(|n, batch| {
        let (account, key) = owner(n);
        let row = route_row(&account, &key, "/v1/contacts/{id}", hour(n), 1_234);
        batch.routes.push(row);
    });
    let (of_keys, of_routes) = (of_keys.await, of_routes.await);
    // A row's own field, and its part of the sums by day and over everyone.
    assert!(of_keys <= 100, "{of_keys} bytes a row of keys");
    assert!(of_routes <= 180, "{of_routes} bytes a row of routes");
}
