//! What the key cache promises: one load for all, no stale key after a change, bounds; never a real store.

use std::sync::atomic::AtomicU64;

use futures_util::future::join_all;

use super::*;
use crate::base::ceilings::{NEGATIVE_CACHE_ENTRIES, NEGATIVE_CACHE_TIME};
use crate::base::testing::eventually;
use crate::keys::secret;
use crate::keys::testing::{FakeStore, record, settings};

mod uses;

/// The attachment is the record's revision, so that a test sees which one was read.
struct Revision;

#[async_trait]
impl Attach<u64> for Revision {
    async fn attach(&self, record: &KeyRecord) -> Result<u64, StoreError> {
        Ok(record.revision)
    }
}

struct Bench {
    store: Arc<FakeStore>,
    digester: Digester,
    cache: KeyCache<u64>,
}

const NOW: Timestamp = Timestamp::from_secs(1_000_000);

fn later(secs: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(secs))
}

impl Bench {
    fn new(capacity: usize) -> Self {
        let keys = settings(&[("p1", "pepper")], capacity);
        let store = Arc::new(FakeStore::default());
        Self {
            cache: KeyCache::new(keys.cache, store.clone(), Arc::new(Revision)),
            digester: Digester::new(&keys),
            store,
        }
    }

    /// Stores a key of account `a`, and answers its secret.
    fn key(&self, id: &str) -> String {
        let text = secret::generate("lf_live").unwrap().expose().to_owned();
        let stored = self.digester.at_rest(&text).unwrap();
        self.store.keys.lock().push(record(id, "a", stored));
        text
    }

    async fn find(&self, text: &str, now: Timestamp) -> Loaded<u64> {
        self.cache.find(&self.digester, text, now).await
    }

    async fn revision(&self, text: &str, now: Timestamp) -> Option<u64> {
        self.find(text, now).await.unwrap().map(|e| e.attachment)
    }

    /// Waits until nothing runs in the background.
    async fn settle(&self) {
        let is_idle = || self.cache.0.background.available_permits() >= KEY_BACKGROUND;
        eventually("nothing runs", is_idle).await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_misses_at_once_are_one_store_call() {
    let b = Arc::new(Bench::new(10));
    let text = b.key("key_1");
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *b.store.gate.lock() = Some(gate.clone());
    let all: Vec<_> = (0..1000)
        .map(|_| {
            let (b, text) = (b.clone(), text.clone());
            tokio::spawn(async move { b.revision(&text, NOW).await })
        })
        .collect();
    eventually("all have missed", || b.cache.stats().misses >= 1000).await;
    gate.add_permits(1);
    for one in all {
        assert_eq!(one.await.unwrap(), Some(1));
    }
    assert_eq!(b.store.calls(), 1);
    let stats = b.cache.stats();
    assert_eq!((stats.loads, stats.loading, stats.entries), (1, 0, 1));
}

#[tokio::test]
async fn a_warm_key_needs_no_store() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    assert_eq!(b.revision(&text, NOW).await, Some(1));
    b.store.fail(true);
    for _ in 0..100 {
        assert_eq!(b.revision(&text, NOW).await, Some(1));
    }
    assert_eq!(b.store.calls(), 1);
    assert_eq!(b.cache.stats().hits, 100);
}

#[tokio::test]
async fn what_cannot_be_a_key_never_reaches_the_store() {
    let b = Bench::new(10);
    b.store.fail(true);
    let text = b.key("key_1");
    let bad_sum = format!("{}!", &text[..text.len() - 1]);
    for t in [
        "",
        "x",
        &bad_sum,
        &text.replace("lf_live", "lf_test"),
        "oldkey_12",
    ] {
        assert!(b.find(t, NOW).await.unwrap().is_none(), "{t}");
    }
    assert_eq!(b.store.calls(), 0);
}

#[tokio::test]
async fn an_unknown_key_is_remembered_briefly_and_forgotten_when_keys_are_added() {
    let b = Bench::new(10);
    let text = secret::generate("lf_live").unwrap().expose().to_owned();
    assert_eq!(b.revision(&text, NOW).await, None);
    assert_eq!(b.revision(&text, NOW).await, None);
    assert_eq!((b.store.calls(), b.cache.stats().negative_hits), (1, 1));
    let stored = b.digester.at_rest(&text).unwrap();
    b.store.keys.lock().push(record("key_1", "a", stored));
    assert_eq!(b.revision(&text, NOW).await, None);
    let after = NOW.plus(NEGATIVE_CACHE_TIME);
    assert_eq!(b.revision(&text, after).await, Some(1));
    // The same with an import on this node.
    let text = secret::generate("lf_live").unwrap().expose().to_owned();
    assert_eq!(b.revision(&text, NOW).await, None);
    let stored = b.digester.at_rest(&text).unwrap();
    b.store.keys.lock().push(record("key_2", "a", stored));
    b.cache.keys_added();
    assert_eq!(b.revision(&text, NOW).await, Some(1));
}

#[tokio::test]
async fn a_change_holds_at_once_for_every_secret_of_the_key() {
    let b = Bench::new(10);
    let (text, other) = (b.key("key_1"), b.key("key_2"));
    let second = secret::generate("lf_live").unwrap().expose().to_owned();
    let stored = b.digester.at_rest(&second).unwrap();
    b.store.edit("key_1", |k| k.secrets.push(stored));
    for t in [&text, &second, &other] {
        assert_eq!(b.revision(t, NOW).await, Some(1));
    }
    for k in ["key_1", "key_2"] {
        b.store.edit(k, |k| k.revision = 2);
    }
    b.cache.key_changed("key_1");
    for (t, want) in [(&text, 2), (&second, 2), (&other, 1)] {
        assert_eq!(b.revision(t, NOW).await, Some(want));
    }
    b.cache.account_keys_changed("b");
    assert_eq!(b.revision(&other, NOW).await, Some(1));
    b.cache.account_keys_changed("a");
    assert_eq!(b.cache.stats().entries, 0);
    assert_eq!(b.revision(&other, NOW).await, Some(2));
    b.cache.clear();
    assert_eq!(b.cache.stats().entries, 0);
}

#[tokio::test]
async fn a_load_that_began_before_a_change_is_neither_shared_nor_kept() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *b.store.gate.lock() = Some(gate.clone());
    let mut old = Box::pin(b.find(&text, NOW));
    assert!(futures_util::poll!(&mut old).is_pending());
    // The load has read revision 1 and is on its way back.
    *b.store.gate.lock() = None;
    b.store.edit("key_1", |k| k.revision = 2);
    b.cache.key_changed("key_1");
    assert_eq!(b.revision(&text, NOW).await, Some(2));
    gate.add_permits(1);
    // It answers whoever asked before the change, and leaves the newer entry alone.
    assert_eq!(old.await.unwrap().unwrap().attachment, 1);
    b.cache.key_changed("key_1");
    assert_eq!(b.revision(&text, NOW).await, Some(2));
}

#[tokio::test]
async fn the_capacity_holds_and_used_keys_stay() {
    let b = Bench::new(100);
    let hot: Vec<_> = (0..50).map(|i| b.key(&format!("key_hot{i}"))).collect();
    for t in &hot {
        b.revision(t, NOW).await;
    }
    for i in 0..1000 {
        for t in &hot {
            assert!(b.find(t, NOW).await.unwrap().is_some());
        }
        let cold = b.key(&format!("key_{i}"));
        assert_eq!(b.revision(&cold, NOW).await, Some(1));
        assert!(b.cache.stats().entries <= 100);
    }
    let stats = b.cache.stats();
    assert_eq!(stats.entries, 100);
    assert_eq!(stats.evictions, stats.loads - 100);
    // What is used all the time is never thrown out.
    assert_eq!(stats.loads, 1050, "{stats:?}");
}

#[tokio::test]
async fn an_old_entry_serves_while_it_is_read_again_once() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    b.revision(&text, NOW).await;
    b.store.edit("key_1", |k| k.revision = 2);
    assert_eq!(b.revision(&text, later(53)).await, Some(1));
    for _ in 0..100 {
        assert_eq!(b.revision(&text, later(60)).await, Some(1));
    }
    b.settle().await;
    assert_eq!((b.store.calls(), b.cache.stats().refreshes), (2, 1));
    assert_eq!(b.revision(&text, later(60)).await, Some(2));
    assert_eq!(b.cache.stats().entries, 1);
}

#[tokio::test]
async fn while_the_store_is_away_an_entry_serves_up_to_max_stale() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    b.revision(&text, NOW).await;
    b.store.fail(true);
    for secs in [60, 61, 62, 3599] {
        assert_eq!(b.revision(&text, later(secs)).await, Some(1));
        b.settle().await;
    }
    assert_eq!(b.cache.stats().failures, 4);
    let gone = b.find(&text, later(3600)).await;
    assert!(matches!(gone, Err(StoreError::Unavailable(_))));
    b.store.fail(false);
    assert_eq!(b.revision(&text, later(3601)).await, Some(1));
}

#[tokio::test]
async fn after_a_gap_every_key_is_read_again_and_serves_meanwhile() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    b.revision(&text, NOW).await;
    b.store.edit("key_1", |k| k.revision = 2);
    b.cache.age_all();
    b.store.fail(true);
    assert_eq!(b.revision(&text, later(1)).await, Some(1));
    b.settle().await;
    b.store.fail(false);
    assert_eq!(b.revision(&text, later(3)).await, Some(1));
    b.settle().await;
    assert_eq!(b.revision(&text, later(3)).await, Some(2));
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_no_entry_live_longer() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    b.revision(&text, later(1_000_000)).await;
    b.store.edit("key_1", |k| k.revision = 2);
    assert_eq!(b.revision(&text, NOW).await, Some(1));
    b.settle().await;
    assert_eq!(b.revision(&text, NOW).await, Some(2));
}

#[tokio::test]
async fn a_key_that_is_gone_from_the_store_goes_from_memory() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    b.revision(&text, NOW).await;
    b.store.keys.lock().clear();
    assert_eq!(b.revision(&text, later(60)).await, Some(1));
    b.settle().await;
    assert_eq!(b.revision(&text, later(60)).await, None);
    assert_eq!(b.cache.stats().entries, 0);
}

#[tokio::test]
async fn a_digest_under_an_old_pepper_moves_when_its_secret_is_shown() {
    let b = Bench::new(10);
    let text = b.key("key_1");
    let rotated = Digester::new(&settings(&[("p2", "new"), ("p1", "pepper")], 10));
    let found = b.cache.find(&rotated, &text, NOW).await.unwrap();
    assert!(found.is_some());
    b.settle().await;
    let stored = b.store.keys.lock()[0].secrets.clone();
    assert_eq!(stored, vec![rotated.at_rest(&text).unwrap()]);
    // From now on the old pepper may go.
    let only_new = Digester::new(&settings(&[("p2", "new")], 10));
    b.cache.clear();
    assert!(b.cache.find(&only_new, &text, NOW).await.unwrap().is_some());
}

#[test]
fn negative_entries_are_bounded() {
    let negative = Negative::default();
    for i in 0..NEGATIVE_CACHE_ENTRIES as u64 * 3 {
        let mut digest = Digest::default();
        digest[..8].copy_from_slice(&i.to_le_bytes());
        negative.insert(digest, NOW, || true);
        assert!(negative.contains(&digest, NOW));
    }
    assert!(negative.len() <= NEGATIVE_CACHE_ENTRIES);
}

#[tokio::test]
async fn equal_sets_of_scopes_are_one_in_memory() {
    let b = Bench::new(10);
    let (one, two) = (b.key("key_1"), b.key("key_2"));
    let one = b.find(&one, NOW).await.unwrap().unwrap();
    let two = b.find(&two, NOW).await.unwrap().unwrap();
    assert_eq!(&*one.grant.scopes, "contacts:read deals:read");
    assert!(Arc::ptr_eq(&one.grant.scopes, &two.grant.scopes));
}

/// Who asks after a change was answered never sees what was before it, whatever else goes on: loads, evictions,
/// refreshes and other changes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_look_up_is_older_than_the_last_answered_change() {
    const KEYS: usize = 40;
    // Smaller than the number of keys, so that entries are evicted all the time.
    let b = Arc::new(Bench::new(30));
    let texts: Arc<Vec<_>> = Arc::new((0..KEYS).map(|i| b.key(&format!("key_{i}"))).collect());
    let floors: Arc<Vec<_>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(1)).collect());
    let writer = {
        let (b, floors) = (b.clone(), floors.clone());
        tokio::spawn(async move {
            for n in 0..3000_u64 {
                let i = fastrand::usize(..KEYS);
                b.store.edit(&format!("key_{i}"), |k| k.revision += 1);
                if n % 50 == 0 {
                    b.cache.account_keys_changed("a");
                } else {
                    b.cache.key_changed(&format!("key_{i}"));
                }
                floors[i].fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        })
    };
    let readers = (0..4).map(|_| {
        let (b, texts, floors) = (b.clone(), texts.clone(), floors.clone());
        tokio::spawn(async move {
            for n in 0..20_000 {
                let i = fastrand::usize(..KEYS);
                let floor = floors[i].load(Ordering::SeqCst);
                // Half of the time the entry is due.
                let now = later(60 * (n % 2));
                let seen = b.revision(&texts[i], now).await.unwrap();
                assert!(seen >= floor, "revision {seen} after {floor} was answered");
            }
        })
    });
    for done in join_all(readers).await {
        done.unwrap();
    }
    writer.await.unwrap();
    b.settle().await;
    let stats = b.cache.stats();
    assert!(stats.entries <= 30 && stats.loading == 0, "{stats:?}");
    // Both indexes tell the same. A refresh that was not begun yet may bring back what it is about, so that a few rounds
    // are needed on a busy machine.
    for _ in 0..1_000 {
        for i in 0..KEYS {
            b.cache.key_changed(&format!("key_{i}"));
        }
        if b.cache.stats().entries == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        b.settle().await;
    }
    panic!("{:?}", b.cache.stats());
}
