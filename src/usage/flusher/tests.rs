//! A store that fails, answers late or loses its answers gets every request once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::usage::Served;
use crate::usage::model::{
    EndpointUsage, Granularity, KeyTotals, RejectedBy, RouteCaller, RouteCalls, UsageBatch,
    UsagePoint,
};
use crate::usage::port::{SeriesQuery, UsageInsight};

/// Applies each batch once; of every three calls it refuses one and loses the answer to another.
#[derive(Default)]
struct Shaky {
    calls: AtomicUsize,
    steady: std::sync::atomic::AtomicBool,
    seen: Mutex<HashSet<u64>>,
    requests: AtomicUsize,
    pruned: Mutex<Vec<(Timestamp, Timestamp)>>,
    prunes_not: std::sync::atomic::AtomicBool,
}

#[async_trait]
impl UsageInsight for Shaky {
    async fn rejections(
        &self,
        _: &str,
        _: Timestamp,
        _: Timestamp,
    ) -> Result<Vec<RejectedBy>, StoreError> {
        Ok(Vec::new())
    }

    async fn busiest_keys(
        &self,
        _: &str,
        _: (Timestamp, Timestamp),
        _: Granularity,
        _: u32,
    ) -> Result<Vec<KeyTotals>, StoreError> {
        Ok(Vec::new())
    }

    async fn key_routes(
        &self,
        _: &str,
        _: &str,
        _: (Timestamp, Timestamp),
        _: u32,
    ) -> Result<Vec<RouteCalls>, StoreError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl UsageStore for Shaky {
    async fn apply(&self, batch: &UsageBatch) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        let gone = || Err(StoreError::Unavailable("gone".into()));
        let call = match self.steady.load(Ordering::SeqCst) {
            true => 2,
            false => self.calls.fetch_add(1, Ordering::SeqCst) % 3,
        };
        if call == 0 {
            return gone();
        }
        if self.seen.lock().insert(batch.sequence) {
            let sum: u64 = batch.keys.iter().map(|r| r.counts.requests).sum();
            self.requests.fetch_add(sum as usize, Ordering::SeqCst);
        }
        if call == 1 { gone() } else { Ok(()) }
    }

    async fn used(&self, _: &str, _: Timestamp, _: Timestamp) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }

    async fn series(&self, _: &SeriesQuery) -> Result<Vec<UsagePoint>, StoreError> {
        Ok(Vec::new())
    }

    async fn endpoints(
        &self,
        _: Option<&str>,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<EndpointUsage>, StoreError> {
        Ok(Vec::new())
    }

    async fn callers(
        &self,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<RouteCaller>, StoreError> {
        Ok(Vec::new())
    }

    async fn prune(&self, hours: Timestamp, days: Timestamp) -> Result<(), StoreError> {
        self.pruned.lock().push((hours, days));
        if self.prunes_not.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("gone".into()));
        }
        Ok(())
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-23T10:20:00Z").unwrap()
}

fn flusher(store: &Arc<Shaky>) -> (Arc<Recorder>, Flusher) {
    let recorder = Arc::new(Recorder::new("boot", None));
    let store: Arc<dyn UsageStore> = store.clone();
    let flusher = Flusher::new(Arc::clone(&recorder), store, None, Clock::manual(now()));
    (recorder, flusher)
}

#[tokio::test]
async fn a_shaky_store_counts_every_request_once() {
    let store = Arc::new(Shaky::default());
    let (recorder, flusher) = flusher(&store);
    let key = recorder.key("a", "k");
    for _ in 0..50 {
        key.rejected(now(), "rate_limited");
        let _ = tokio::join!(flusher.flush_now(), flusher.flush_now());
    }
    while flusher.flush_now().await.is_err() {}
    assert!(recorder.drain().is_none());
    assert_eq!(store.requests.load(Ordering::SeqCst), 50);
}

#[tokio::test(start_paused = true)]
async fn it_flushes_each_second_and_once_more_at_the_stop() {
    let store = Arc::new(Shaky::default());
    store.steady.store(true, Ordering::SeqCst);
    let (recorder, flusher) = flusher(&store);
    let key = recorder.key("a", "k");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = async {
        key.rejected(now(), "rate_limited");
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert_eq!(store.requests.load(Ordering::SeqCst), 1);
        key.rejected(now(), "rate_limited");
        let _ = stop.send(());
    };
    let stopped = async {
        let _ = stopped.await;
    };
    tokio::join!(flusher.run(stopped), work);
    assert_eq!(store.requests.load(Ordering::SeqCst), 2);
    assert_eq!(store.pruned.lock().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_prunes_hours_and_days_at_the_start_and_every_hour() {
    let store = Arc::new(Shaky::default());
    store.steady.store(true, Ordering::SeqCst);
    let clock = Clock::manual(now());
    let recorder = Arc::new(Recorder::new("boot", None));
    let flusher = Flusher::new(recorder, store.clone(), None, clock.clone());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let work = async {
        let a_turn = || tokio::time::sleep(Duration::from_millis(1100));
        a_turn().await;
        let (hours, days) = retention(now());
        assert_eq!(*store.pruned.lock(), [(hours, days)]);
        for more in [Duration::ZERO, Duration::from_millis(HOUR_MS as u64 - 1)] {
            clock.advance(more);
            a_turn().await;
            assert_eq!(store.pruned.lock().len(), 1, "after {more:?}");
        }
        clock.advance(Duration::from_millis(1));
        a_turn().await;
        let next = (hours.plus(Duration::from_millis(HOUR_MS as u64)), days);
        assert_eq!(*store.pruned.lock(), [(hours, days), next]);
        let _ = stop.send(());
    };
    let stopped = async {
        let _ = stopped.await;
    };
    tokio::join!(flusher.run(stopped), work);
}

#[test]
fn retention_is_thirty_five_days_and_twenty_five_months() {
    let (hours, days) = retention(now());
    assert_eq!(hours.to_string(), "2026-10-19T10:00:00Z");
    assert_eq!(days.to_string(), "2024-10-01T00:00:00Z");
}

#[tokio::test(start_paused = true)]
async fn pruning_waits_for_usage_and_is_tried_again_until_it_is_done() {
    let store = Arc::new(Shaky::default());
    store.prunes_not.store(true, Ordering::SeqCst);
    let (recorder, flusher) = flusher(&store);
    recorder.key("a", "k").rejected(now(), "rate_limited");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let pruned = || store.pruned.lock().len();
    let work = async {
        // The first write is refused, the answer to the second is lost.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(pruned(), 0);
        store.steady.store(true, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(pruned(), 2);
        store.prunes_not.store(false, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(pruned(), 3);
        let _ = stop.send(());
    };
    let stopped = async {
        let _ = stopped.await;
    };
    tokio::join!(flusher.run(stopped), work);
}

#[tokio::test]
async fn a_flush_takes_everything_that_was_counted_before_it() {
    let store = Arc::new(Shaky::default());
    let (recorder, flusher) = flusher(&store);
    recorder.key("a", "k").rejected(now(), "rate_limited");
    assert!(flusher.flush_now().await.is_err());
    // Counted behind the batch that has to be tried again.
    recorder.key("a", "k").rejected(now(), "rate_limited");
    store.steady.store(true, Ordering::SeqCst);
    flusher.flush_now().await.unwrap();
    assert_eq!(store.requests.load(Ordering::SeqCst), 2);
    // More than one batch holds, of what is served and of what is refused: both have two rows.
    let one = Served {
        at: now(),
        route: &"/v1/x".into(),
        method: &http::Method::GET,
        status: 200,
        bytes_in: 0,
        bytes_out: 0,
        upstream_us: 0,
    };
    for refused in [false, true] {
        for n in 0..USAGE_BATCH_ROWS {
            let key = recorder.key("a", format!("k{n}"));
            match refused {
                true => key.rejected(now(), "rate_limited"),
                false => key.served(&one),
            }
        }
        let before = store.requests.load(Ordering::SeqCst);
        flusher.flush_now().await.unwrap();
        let taken = store.requests.load(Ordering::SeqCst) - before;
        assert_eq!(taken, USAGE_BATCH_ROWS, "refused: {refused}");
    }
}

#[tokio::test]
async fn a_write_that_failed_is_counted_apart() {
    let store = Arc::new(Shaky::default());
    let recorder = Arc::new(Recorder::new("boot", None));
    let metrics = Arc::new(Metrics::new().unwrap());
    let (to, shown) = (store.clone(), Some(metrics.clone()));
    let flusher = Flusher::new(Arc::clone(&recorder), to, shown, Clock::manual(now()));
    recorder.key("a", "k").rejected(now(), "rate_limited");
    while flusher.flush_now().await.is_err() {}
    let text = String::from_utf8(metrics.render().unwrap()).unwrap();
    let mut counts: Vec<_> = text
        .lines()
        .filter(|l| l.starts_with("fuelgate_usage_flushes_total"))
        .map(|l| l.rsplit(' ').next().unwrap())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, ["1", "2"]);
}
