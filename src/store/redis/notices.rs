//! What nodes tell each other about changes of keys and accounts; never how it travels or what a cache does with it.
//!
//! A script that changes something publishes a message on the channel [`Names::changes`] (`P:changes`), in the same step, so
//! that whoever reads after the message sees the change. Messages may be lost; caches expire by age as well.
//!
//! | message | means |
//! | --- | --- |
//! | `key <id>` | this key changed |
//! | `account-keys <account>` | keys of this account changed: all were revoked |
//! | `keys-added` | keys were made whose secrets may have been refused a moment ago |
//! | `account <account>` | plan, overrides or suspension changed, or it was made |
//! | `account-gone <account>` | its erasure began: nothing of it may be served |
//! | `account-erased <account>` | its erasure ended: the id is free |
//!
//! [`Names::changes`]: super::names::Names::changes

use tokio::sync::mpsc;

use super::Store;
use super::link::Message;

/// What a node hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Something changed.
    Changed(Changed),
    /// From here on everything is heard; of what changed before, something may not have been. Comes first of all.
    Lost,
}

/// What is heard of the changes of all nodes, as long as this is held.
#[derive(Debug)]
pub struct Notices(mpsc::Receiver<Message>);

impl Notices {
    /// Waits for the next; `None` when nothing will ever be heard, since the settings of the store cannot be used.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            match self.0.recv().await? {
                Message::Lost => return Some(Heard::Lost),
                Message::Published(text) => {
                    let known = std::str::from_utf8(&text).ok().and_then(decode);
                    // Another version's message, which this one has no use for.
                    if let Some(changed) = known {
                        return Some(Heard::Changed(changed));
                    }
                }
            }
        }
    }
}

impl Store {
    /// Listens to what changes on any node from now on. Must be called on a tokio runtime.
    pub fn notices(&self) -> Notices {
        Notices(self.link.subscribe(&self.names.changes()))
    }
}

/// What changed on some node, this one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A key, by its id.
    Key(String),
    /// Keys of an account.
    AccountKeys(String),
    /// There are new keys.
    KeysAdded,
    /// An account.
    Account(String),
    /// An account's erasure began.
    AccountGone(String),
    /// An account's erasure ended.
    AccountErased(String),
}

/// Reads a message; `None` for one that this version does not know.
pub fn decode(message: &str) -> Option<Changed> {
    let (kind, id) = match message.split_once(' ') {
        Some((kind, id)) if !id.is_empty() => (kind, id.to_owned()),
        Some(_) => return None,
        None => return (message == "keys-added").then_some(Changed::KeysAdded),
    };
    match kind {
        "key" => Some(Changed::Key(id)),
        "account-keys" => Some(Changed::AccountKeys(id)),
        "account" => Some(Changed::Account(id)),
        "account-gone" => Some(Changed::AccountGone(id)),
        "account-erased" => Some(Changed::AccountErased(id)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::model::Account;
    use crate::accounts::port::AccountStore;
    use crate::base::clock::Clock;
    use crate::store::contract::{at, change};
    use crate::store::redis::testing::{cluster_settings, settings};

    #[tokio::test]
    async fn a_change_is_heard_on_every_node() {
        for settings in [settings(), cluster_settings()] {
            let node = || Store::new(settings.clone(), Clock::manual(at(0)));
            let (changing, hearing) = (node(), node());
            let mut notices = hearing.notices();
            assert_eq!(notices.next().await, Some(Heard::Lost));
            let account = Account {
                id: "acct_1".into(),
                plan: "standard".into(),
                overrides: Default::default(),
                suspended: false,
                created_at: at(0),
                erasing: false,
            };
            let why = change("account.put", "acct_1");
            changing.put_account(&account, &why).await.unwrap();
            let wanted = Changed::Account("acct_1".into());
            assert_eq!(notices.next().await, Some(Heard::Changed(wanted)));
        }
    }

    #[test]
    fn a_known_message_is_read_and_any_other_left() {
        assert_eq!(decode("key key_1"), Some(Changed::Key("key_1".into())));
        assert_eq!(decode("keys-added"), Some(Changed::KeysAdded));
        assert_eq!(
            decode("account-gone a"),
            Some(Changed::AccountGone("a".into()))
        );
        for other in ["", "key", "key ", "keys-added now", "news of x"] {
            assert_eq!(decode(other), None, "{other}");
        }
    }
}
