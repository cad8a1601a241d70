//! Names of what accounts, keys, the audit log and answers are kept under; never what is kept there.

use super::names::Names;
use crate::base::error::StoreError;
use crate::base::ids::is_account_id;

/// The tag of the slot for changes that concern no account, or several.
pub(super) const COMMON: &str = "~g";

impl Names {
    /// `P:{tag}`: what all names in the slot of this tag begin with.
    pub(super) fn slot(&self, tag: &str) -> String {
        let mut slot = self.account(tag, "");
        slot.pop();
        slot
    }

    /// The tag of a slot that [`Self::slot`] made, or one of the shards'.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for anything else.
    pub(super) fn tag<'a>(&self, slot: &'a str) -> Result<&'a str, StoreError> {
        let around = self.slot("");
        slot.strip_prefix(around.trim_end_matches('}'))
            .and_then(|rest| rest.strip_suffix('}'))
            .ok_or_else(|| StoreError::Corrupt(format!("{slot} is no slot of ours")))
    }

    /// The channel on which changes are told to other nodes.
    pub(super) fn changes(&self) -> String {
        let mut name = self.spread("changes", "");
        name.pop();
        name
    }

    /// The account itself.
    pub(super) fn of_account(&self, account_id: &str) -> String {
        self.account(account_id, "account")
    }

    /// There while the account is being erased and a day longer.
    pub(super) fn erasing(&self, account_id: &str) -> String {
        self.account(account_id, "erasing")
    }

    /// How far the erasure of the account came.
    pub(super) fn erasure(&self, account_id: &str) -> String {
        self.account(account_id, "erasure")
    }

    /// A key's record.
    pub(super) fn key(&self, account_id: &str, key_id: &str) -> String {
        self.account(account_id, &format!("key:{key_id}"))
    }

    /// Ids of the account's keys.
    pub(super) fn key_ids(&self, account_id: &str) -> String {
        self.account(account_id, "keys")
    }

    /// Keys of the account that are not revoked, by when they expire.
    pub(super) fn live_keys(&self, account_id: &str) -> String {
        self.account(account_id, "live")
    }

    /// There for a while after another key took over a digest that this one claimed.
    pub(super) fn void(&self, account_id: &str, key_id: &str, digest: &str) -> String {
        self.account(account_id, &format!("void:{key_id}:{digest}"))
    }
}

/// Whether an id of our own making is safe inside names and entries of indexes. Ids also come from callers of the admin
/// API, who may ask for anything.
pub(super) fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// Refuses to keep anything under ids that are not safe there; the admin API lets none through.
///
/// # Errors
/// [`StoreError::Conflict`] for such an id.
pub(super) fn expect_ids(account_id: &str, id: Option<&str>) -> Result<(), StoreError> {
    if is_account_id(account_id) && id.is_none_or(is_id) {
        return Ok(());
    }
    Err(StoreError::Conflict(
        "an id has characters that no id may have".into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_gives_its_tag_back() {
        let names = Names::new("fg");
        assert_eq!(names.slot("acct_1"), "fg:{acct_1}");
        assert_eq!(names.tag("fg:{acct_1}").unwrap(), "acct_1");
        assert_eq!(names.tag(&names.slot("q3")).unwrap(), "q3");
        assert!(names.tag("fg:acct_1").is_err() && names.tag("other:{a}").is_err());
        assert_eq!(names.changes(), "fg:changes");
    }

    #[test]
    fn an_id_is_safe_or_refused() {
        assert!(is_id("key_0190a") && is_id("key-1"));
        for bad in ["", "key 1", "a}b", "a\nb", "a:b", "é", &"x".repeat(65)] {
            assert!(!is_id(bad), "{bad:?}");
        }
        assert!(expect_ids("a@b.c", Some("key_1")).is_ok());
        assert!(expect_ids("a b", None).is_err() && expect_ids("a", Some("")).is_err());
    }
}
