//! Lists of ids over all accounts, kept in byte order over a fixed number of slots and merged on reading; never what the ids name.

use std::collections::VecDeque;

use super::Store;
use super::each::each;
use super::link::Patience;
use super::names::{Names, SHARDS};
use crate::base::error::StoreError;

/// A list: in each shard a sorted set whose members all have score 0. A member begins with the id that places it.
pub(super) struct List {
    tag: &'static str,
    name: &'static str,
}

/// `<key id> <account id>`: all keys, and the account of each.
pub(super) static KEYS: List = List {
    tag: "k",
    name: "ids",
};
/// `<account id>`: all accounts.
pub(super) static ACCOUNTS: List = List {
    tag: "a",
    name: "ids",
};
/// The audit log: see [`super::audit::Mention`].
pub(super) static LOG: List = List {
    tag: "l",
    name: "log",
};

impl List {
    /// Another name in a shard's slot.
    pub(super) fn beside(&self, names: &Names, shard: u32, name: &str) -> String {
        names.index(&format!("{}{shard}", self.tag), name)
    }

    /// The sorted set of a shard.
    pub(super) fn at(&self, names: &Names, shard: u32) -> String {
        self.beside(names, shard, self.name)
    }

    /// Adds or removes members, each named with the id that places it.
    async fn change(
        &self,
        store: &Store,
        command: &str,
        members: &[(&str, String)],
    ) -> Result<(), StoreError> {
        let mut shards: Vec<Vec<&str>> = vec![Vec::new(); SHARDS as usize];
        for (id, member) in members {
            shards[Names::shard_of(id) as usize].push(member);
        }
        let calls = (0..SHARDS).zip(shards).filter(|(_, m)| !m.is_empty());
        let calls = calls.map(|(shard, members)| {
            let mut cmd = redis::cmd(command);
            cmd.arg(self.at(&store.names, shard));
            for member in members {
                if command == "ZADD" {
                    cmd.arg(0);
                }
                cmd.arg(member);
            }
            async move { store.link.run::<()>(Patience::Calm, &cmd).await }
        });
        each(calls).await?;
        Ok(())
    }

    /// Adds members.
    pub(super) async fn add(
        &self,
        store: &Store,
        members: &[(&str, String)],
    ) -> Result<(), StoreError> {
        self.change(store, "ZADD", members).await
    }

    /// Removes members.
    pub(super) async fn remove(
        &self,
        store: &Store,
        members: &[(&str, String)],
    ) -> Result<(), StoreError> {
        self.change(store, "ZREM", members).await
    }

    /// Up to `limit` members of one shard that follow the text `after`.
    pub(super) async fn read(
        &self,
        store: &Store,
        shard: u32,
        order: Order,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>, StoreError> {
        let from = after.map(|a| format!("({a}"));
        let mut cmd = redis::cmd("ZRANGE");
        cmd.arg(self.at(&store.names, shard));
        match order {
            Order::Ascending => cmd.arg(from.as_deref().unwrap_or("-")).arg("+"),
            Order::Descending => cmd.arg(from.as_deref().unwrap_or("+")).arg("-"),
        };
        cmd.arg("BYLEX");
        if order == Order::Descending {
            cmd.arg("REV");
        }
        cmd.arg("LIMIT").arg(0).arg(limit);
        store.link.run(Patience::Calm, &cmd).await
    }
}

/// Which way a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// By id.
    Ascending,
    /// Newest first, where ids sort by creation.
    Descending,
}

struct Shard {
    ahead: VecDeque<String>,
    after: Option<String>,
    ended: bool,
}

/// Reads a whole list in order, a piece at a time.
pub(super) struct Walk<'a> {
    store: &'a Store,
    list: &'static List,
    order: Order,
    piece: usize,
    shards: Vec<Shard>,
}

impl<'a> Walk<'a> {
    /// A walk that begins after the text `after` and reads `piece` members of a shard at a time.
    pub(super) fn new(
        store: &'a Store,
        list: &'static List,
        order: Order,
        after: Option<&str>,
        piece: usize,
    ) -> Self {
        let shard = || Shard {
            ahead: VecDeque::new(),
            after: after.map(str::to_owned),
            ended: false,
        };
        Self {
            store,
            list,
            order,
            piece: piece.max(1),
            shards: (0..SHARDS).map(|_| shard()).collect(),
        }
    }

    /// Up to `wanted` further members; fewer only at the end.
    pub(super) async fn next(&mut self, wanted: usize) -> Result<Vec<String>, StoreError> {
        let mut found = Vec::new();
        while found.len() < wanted {
            self.read_ahead().await?;
            let fronts = self.shards.iter_mut().filter(|s| !s.ahead.is_empty());
            let first = match self.order {
                Order::Ascending => fronts.min_by(|a, b| a.ahead.cmp(&b.ahead)),
                Order::Descending => fronts.max_by(|a, b| a.ahead.cmp(&b.ahead)),
            };
            match first.and_then(|s| s.ahead.pop_front()) {
                Some(member) => found.push(member),
                None => break,
            }
        }
        Ok(found)
    }

    /// Reads on in every shard of which nothing is in memory.
    async fn read_ahead(&mut self) -> Result<(), StoreError> {
        let (store, list, order, piece) = (self.store, self.list, self.order, self.piece);
        let empty = (0..SHARDS).zip(&mut self.shards);
        let reads = empty.filter(|(_, s)| s.ahead.is_empty() && !s.ended);
        let reads = reads.map(|(n, shard)| async move {
            let after = shard.after.as_deref();
            let members = list.read(store, n, order, after, piece).await?;
            shard.ended = members.len() < piece;
            shard.after = members.last().cloned().or(shard.after.take());
            shard.ahead = members.into();
            Ok(())
        });
        each(reads).await?;
        Ok(())
    }
}
