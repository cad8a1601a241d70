//! Names of keys in Redis and the slots they lie in; the only place that spells them.

/// Shards over which events and deliveries are spread, a slot each.
pub(super) const SHARDS: u32 = 16;

/// Makes names under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    /// Names that begin with `prefix`.
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    /// `P:{account}:rest`: beside everything else of the account. Account ids have no braces.
    pub(super) fn account(&self, account_id: &str, rest: &str) -> String {
        format!("{}:{{{account_id}}}:{rest}", self.prefix)
    }

    /// `P:{qN}:rest`.
    pub(super) fn shard(&self, shard: u32, rest: &str) -> String {
        format!("{}:{{q{shard}}}:{rest}", self.prefix)
    }

    /// The shard of an account's events and deliveries.
    pub(super) fn shard_of(account_id: &str) -> u32 {
        crc32fast::hash(account_id.as_bytes()) % SHARDS
    }

    /// `P:{tag}:rest`, for an index in a slot of its own. A tag of an index begins with `~`, which no account id has.
    pub(super) fn index(&self, tag: &str, rest: &str) -> String {
        format!("{}:{{~{tag}}}:{rest}", self.prefix)
    }

    /// `P:kind:id`: an index entry that lies wherever its own name puts it.
    pub(super) fn spread(&self, kind: &str, id: &str) -> String {
        format!("{}:{kind}:{id}", self.prefix)
    }

    /// `P:layout`: the version of the layout of all of this.
    pub(super) fn layout(&self) -> String {
        format!("{}:layout", self.prefix)
    }
}
