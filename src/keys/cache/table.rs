//! The bounded table of the key cache: entries by digest and by key id, second-chance eviction; never a load, never a clock.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use hashbrown::HashTable;
use parking_lot::{Mutex, RwLock};

use crate::base::clock::Timestamp;
use crate::keys::last_use::Noted;
use crate::keys::model::Digest;
use crate::keys::verify::Grant;

/// Shards of each index at most: enough that two cores rarely meet, and that walking one takes well under a
/// millisecond with a million keys.
const SHARDS: usize = 256;
/// Keys that a shard is for: eviction compares the keys of one shard, which wants more than a few to choose from.
const KEYS_PER_SHARD: usize = 1024;

/// A key in memory: what it grants, and what the gateway keeps beside it. Laid out as written: what every look-up
/// reads comes first, so that with a million keys, none of them in the processor's caches, it is one line or two.
#[derive(Debug)]
#[repr(C)]
pub struct Entry<A> {
    pub(super) digest: Digest,
    /// When it is to be read again, in milliseconds; whoever moves it on does so.
    pub(super) refresh_at: AtomicI64,
    /// Set by a hit, cleared when the eviction hand passes.
    pub(super) used: AtomicBool,
    pub(super) loaded_at: Timestamp,
    pub(in crate::keys) noted: Noted,
    /// What the key may do.
    pub grant: Grant,
    /// What [`Attach`](super::Attach) made for it.
    pub attachment: A,
}

type Entries<A> = HashTable<Arc<Entry<A>>>;

/// Each shard has a cache line of its own, so that its lock and its count do not slow its neighbours.
#[repr(align(128))]
struct Shard<A> {
    slots: RwLock<Slots<A>>,
    hits: AtomicU64,
}

struct Slots<A> {
    table: Entries<A>,
    /// Bucket at which eviction goes on.
    hand: usize,
}

/// What became of an entry that was to be put in.
enum Put<A> {
    Added,
    Replaced(Arc<Entry<A>>),
    Refused,
}

/// Entries by digest and by key id. No operation holds two locks at once.
pub(super) struct Table<A> {
    shards: Box<[Shard<A>]>,
    by_key: Box<[Mutex<Entries<A>>]>,
    len: AtomicUsize,
    seeds: (u64, u64),
    hasher: RandomState,
}

impl<A> Table<A> {
    /// An empty table with as many shards as `capacity` calls for.
    pub(super) fn new(capacity: usize) -> Self {
        let shards = (capacity / KEYS_PER_SHARD)
            .next_power_of_two()
            .clamp(1, SHARDS);
        let hasher = RandomState::new();
        let shard = |_| Shard {
            slots: RwLock::new(Slots {
                table: HashTable::new(),
                hand: 0,
            }),
            hits: AtomicU64::new(0),
        };
        Self {
            shards: (0..shards).map(shard).collect(),
            by_key: (0..shards).map(|_| Mutex::default()).collect(),
            len: AtomicUsize::new(0),
            seeds: (hasher.hash_one(1), hasher.hash_one(2)),
            hasher,
        }
    }

    /// A digest is uniform already, so that folding 16 of its bytes is hash enough; the seeds keep those who compute the
    /// digests of texts of their own from choosing what collides.
    fn hash(&self, digest: &Digest) -> u64 {
        let word = |at: usize| {
            let mut w = [0; 8];
            w.copy_from_slice(&digest[at..at + 8]);
            u64::from_le_bytes(w)
        };
        let wide = u128::from(word(0) ^ self.seeds.0) * u128::from(word(8) ^ self.seeds.1);
        (wide as u64) ^ ((wide >> 64) as u64)
    }

    /// Bits that the tables themselves use for neither bucket nor tag.
    fn shard_of(&self, hash: u64) -> usize {
        ((hash >> 40) as usize) & (self.shards.len() - 1)
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn hits(&self) -> u64 {
        let hits = |s: &Shard<A>| s.hits.load(Ordering::Relaxed);
        self.shards.iter().map(hits).sum()
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<Entry<A>>> {
        let hash = self.hash(digest);
        let shard = &self.shards[self.shard_of(hash)];
        let found = {
            let slots = shard.slots.read();
            Arc::clone(slots.table.find(hash, |e| e.digest == *digest)?)
        };
        shard.hits.fetch_add(1, Ordering::Relaxed);
        // Reading first keeps a busy entry's cache line shared between cores.
        if !found.used.load(Ordering::Relaxed) {
            found.used.store(true, Ordering::Relaxed);
        }
        Some(found)
    }

    /// Puts `entry` in, in place of one with the same digest, if it is `current` at that moment, and evicts until
    /// `capacity` holds. Answers how many were evicted.
    ///
    /// Whoever makes entries stale first makes `current` false for them and takes them out afterwards. Since `current`
    /// is asked under the lock of the entry's place, a stale entry is either not put in or taken out again by the
    /// change that made it stale before that change is answered; and since the index by key comes first, that change
    /// finds it.
    pub(super) fn insert(
        &self,
        entry: &Arc<Entry<A>>,
        capacity: usize,
        current: impl Fn() -> bool,
    ) -> u64 {
        let key_hash = self.hasher.hash_one(&entry.grant.key_id);
        self.by_key[self.shard_of(key_hash)].lock().insert_unique(
            key_hash,
            Arc::clone(entry),
            |e| self.hasher.hash_one(&e.grant.key_id),
        );
        match self.put(entry, current) {
            Put::Refused => self.unlink(entry),
            Put::Replaced(old) => self.unlink(&old),
            Put::Added => {}
        }
        let mut evicted = 0;
        while self.len() > capacity && self.evict(entry) {
            evicted += 1;
        }
        evicted
    }

    fn put(&self, entry: &Arc<Entry<A>>, current: impl Fn() -> bool) -> Put<A> {
        let hash = self.hash(&entry.digest);
        let mut slots = self.shards[self.shard_of(hash)].slots.write();
        if !current() {
            return Put::Refused;
        }
        if let Some(slot) = slots.table.find_mut(hash, |e| e.digest == entry.digest) {
            return Put::Replaced(std::mem::replace(slot, Arc::clone(entry)));
        }
        slots
            .table
            .insert_unique(hash, Arc::clone(entry), |e| self.hash(&e.digest));
        self.len.fetch_add(1, Ordering::Relaxed);
        Put::Added
    }

    /// Evicts one entry other than `keep`, beginning with the shard that `keep` is in.
    fn evict(&self, keep: &Arc<Entry<A>>) -> bool {
        let first = self.shard_of(self.hash(&keep.digest));
        let shards = self.shards.len();
        for at in (0..shards).map(|i| (first + i) % shards) {
            let victim = self.shards[at].slots.write().evict(keep);
            if let Some(victim) = victim {
                self.len.fetch_sub(1, Ordering::Relaxed);
                self.unlink(&victim);
                return true;
            }
        }
        false
    }

    /// Takes exactly this entry out, if it is still in.
    pub(super) fn remove(&self, entry: &Arc<Entry<A>>) {
        let hash = self.hash(&entry.digest);
        {
            let mut slots = self.shards[self.shard_of(hash)].slots.write();
            if let Ok(found) = slots.table.find_entry(hash, |e| Arc::ptr_eq(e, entry)) {
                found.remove();
                self.len.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.unlink(entry);
    }

    /// Takes out the entry of a digest, whichever it is.
    pub(super) fn remove_digest(&self, digest: &Digest) {
        let hash = self.hash(digest);
        let found = {
            let slots = self.shards[self.shard_of(hash)].slots.read();
            slots.table.find(hash, |e| e.digest == *digest).cloned()
        };
        if let Some(e) = found {
            self.remove(&e);
        }
    }

    fn unlink(&self, entry: &Arc<Entry<A>>) {
        let hash = self.hasher.hash_one(&entry.grant.key_id);
        let mut index = self.by_key[self.shard_of(hash)].lock();
        if let Ok(found) = index.find_entry(hash, |e| Arc::ptr_eq(e, entry)) {
            found.remove();
        }
    }

    /// Takes out every entry of a key: it has one for each secret of it that was shown.
    pub(super) fn remove_key(&self, key_id: &str) {
        let hash = self.hasher.hash_one(key_id);
        let same = |e: &&Arc<Entry<A>>| *e.grant.key_id == *key_id;
        let entries: Vec<_> = {
            let index = self.by_key[self.shard_of(hash)].lock();
            index.iter_hash(hash).filter(same).cloned().collect()
        };
        for e in &entries {
            self.remove(e);
        }
    }

    /// Takes out every entry of an account by walking the whole table: for erasure and leaks, not for every day.
    pub(super) fn remove_account(&self, account_id: &str) {
        for shard in &self.shards {
            let same = |e: &&Arc<Entry<A>>| *e.grant.account_id == *account_id;
            let entries: Vec<_> = {
                let slots = shard.slots.read();
                slots.table.iter().filter(same).cloned().collect()
            };
            for e in &entries {
                self.remove(e);
            }
        }
    }

    /// Makes every entry due to be read again.
    pub(super) fn age_all(&self) {
        for shard in &self.shards {
            for e in shard.slots.read().table.iter() {
                e.refresh_at.store(i64::MIN, Ordering::Relaxed);
            }
        }
    }

    /// Takes everything out.
    pub(super) fn clear(&self) {
        for shard in &self.shards {
            let taken = std::mem::take(&mut shard.slots.write().table);
            self.len.fetch_sub(taken.len(), Ordering::Relaxed);
            for e in &taken {
                self.unlink(e);
            }
        }
    }
}

impl<A> Slots<A> {
    /// The second-chance rule: the hand goes round, clears the mark of entries that were used, and takes the first
    /// that was not used since it last came by. Two rounds are enough to find one.
    fn evict(&mut self, keep: &Arc<Entry<A>>) -> Option<Arc<Entry<A>>> {
        if self.table.is_empty() {
            return None;
        }
        let buckets = self.table.num_buckets();
        for _ in 0..buckets * 2 + 1 {
            self.hand = (self.hand + 1) % buckets;
            let Some(e) = self.table.get_bucket(self.hand) else {
                continue;
            };
            if Arc::ptr_eq(e, keep) || e.used.swap(false, Ordering::Relaxed) {
                continue;
            }
            if let Ok(found) = self.table.get_bucket_entry(self.hand) {
                return Some(found.remove().0);
            }
        }
        None
    }
}
