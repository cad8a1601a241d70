//! Whether a key may be used for a request at an instant: a pure decision; never a look-up, never a limit.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::model::{KeyRecord, StoredSecret};
use crate::base::clock::Timestamp;

/// What a request needs of a key, small enough for a million of them in memory. Digests are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// `key_…`.
    pub key_id: Box<str>,
    /// Its account.
    pub account_id: Box<str>,
    /// Its scopes in order, separated by single spaces, as `X-Fuelgate-Scopes` shows them. Many keys share one.
    pub scopes: Arc<str>,
    /// When the key ends; `None` never.
    pub expires_at: Option<Timestamp>,
    /// Until when the secret that was shown is good: set for the old secret of a rotated key.
    pub valid_until: Option<Timestamp>,
    /// Whether the key was revoked.
    pub revoked: bool,
    /// Whether the key was switched off.
    pub disabled: bool,
    /// From where it may be used; empty from everywhere.
    pub allowed_ips: Box<[IpNet]>,
}

impl Grant {
    /// What `record` grants to who shows the secret that is stored as `secret`. `scopes` may be an interned copy.
    pub fn new(record: &KeyRecord, secret: &StoredSecret, scopes: Arc<str>) -> Self {
        Self {
            key_id: record.id.as_str().into(),
            account_id: record.account_id.as_str().into(),
            scopes,
            expires_at: record.expires_at,
            valid_until: secret.valid_until,
            revoked: record.revoked_at.is_some(),
            disabled: record.disabled,
            allowed_ips: record.allowed_ips.as_slice().into(),
        }
    }

    /// Whether it has `scope`, byte for byte: write does not imply read.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.split(' ').any(|s| s == scope)
    }
}

/// Why a key may not be used for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such key, or this secret of it was replaced and has ended.
    Invalid,
    /// Its expiry is past.
    Expired,
    /// It was revoked or switched off, or the configuration denies it.
    Revoked,
    /// It lacks scopes.
    InsufficientScope {
        /// Those that it lacks, in the route's order.
        missing: Vec<String>,
    },
    /// The address is not among its `allowed_ips`.
    AddressNotAllowed,
}

/// What a request brings to the decision.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// When.
    pub now: Timestamp,
    /// The client's address.
    pub address: IpAddr,
    /// What the route requires, all of it.
    pub scopes: &'a [String],
    /// `keys.deny` of the configuration.
    pub deny: &'a [String],
}

/// Decides in the contract's order: key, then scope, then address. An expiry or end of grace at `now` is past.
///
/// # Errors
/// The first reason against it.
pub fn authorise(grant: &Grant, asked: &Asked<'_>) -> Result<(), Refusal> {
    live(grant, asked.now, asked.deny)?;
    scoped(grant, asked.scopes)?;
    if allows(&grant.allowed_ips, asked.address) {
        Ok(())
    } else {
        Err(Refusal::AddressNotAllowed)
    }
}

/// The first step alone: whether the key lives, for routes that ask for nothing else.
///
/// # Errors
/// [`Refusal::Revoked`], [`Refusal::Expired`] or [`Refusal::Invalid`].
pub fn live(grant: &Grant, now: Timestamp, deny: &[String]) -> Result<(), Refusal> {
    let past = |t: Option<Timestamp>| t.is_some_and(|t| t <= now);
    if grant.revoked || grant.disabled || deny.iter().any(|d| **d == *grant.key_id) {
        Err(Refusal::Revoked)
    } else if past(grant.expires_at) {
        Err(Refusal::Expired)
    } else if past(grant.valid_until) {
        // The secret was replaced by a rotation and its grace is over: the key lives, this secret does not.
        Err(Refusal::Invalid)
    } else {
        Ok(())
    }
}

/// The second step alone: whether the key has all the scopes.
///
/// # Errors
/// [`Refusal::InsufficientScope`] with the missing ones.
pub fn scoped(grant: &Grant, required: &[String]) -> Result<(), Refusal> {
    if required.iter().all(|s| grant.has_scope(s)) {
        return Ok(());
    }
    let missing = required.iter().filter(|s| !grant.has_scope(s));
    Err(Refusal::InsufficientScope {
        missing: missing.cloned().collect(),
    })
}

/// The third step alone: whether `address` is in one of `nets`, or there are none. IPv4 in IPv6 (`::ffff:a.b.c.d`,
/// RFC 4291 section 2.5.5.2) is taken for the IPv4 address, on both sides.
pub fn allows(nets: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    nets.is_empty() || nets.iter().any(|n| canonical_net(*n).contains(&address))
}

/// A network of IPv4-mapped addresses as the IPv4 network it stands for; any other as it is.
pub fn canonical_net(net: IpNet) -> IpNet {
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => match v6.network().to_ipv4_mapped() {
            Some(v4) => ipnet::Ipv4Net::new(v4, v6.prefix_len() - 96).map_or(net, IpNet::V4),
            None => net,
        },
        _ => net,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            key_id: "key_1".into(),
            account_id: "a".into(),
            scopes: "contacts:read deals:write".into(),
            expires_at: None,
            valid_until: None,
            revoked: false,
            disabled: false,
            allowed_ips: Box::default(),
        }
    }

    const NOW: Timestamp = Timestamp::from_secs(1000);

    fn decide(g: &Grant, address: &str, scopes: &[&str]) -> Result<(), Refusal> {
        let scopes: Vec<_> = scopes.iter().map(|s| (*s).to_owned()).collect();
        let asked = Asked {
            now: NOW,
            address: address.parse().unwrap(),
            scopes: &scopes,
            deny: &["key_denied".to_owned()],
        };
        authorise(g, &asked)
    }

    #[test]
    fn the_order_is_key_scope_address() {
        let mut g = grant();
        g.allowed_ips = ["10.0.0.0/8".parse().unwrap()].into();
        g.expires_at = Some(NOW);
        g.revoked = true;
        let other = ["users:read"];
        assert_eq!(decide(&g, "9.9.9.9", &other), Err(Refusal::Revoked));
        g.revoked = false;
        assert_eq!(decide(&g, "9.9.9.9", &other), Err(Refusal::Expired));
        g.expires_at = Some(NOW.plus(std::time::Duration::from_millis(1)));
        assert!(matches!(
            decide(&g, "9.9.9.9", &other),
            Err(Refusal::InsufficientScope { .. })
        ));
        let refused = decide(&g, "9.9.9.9", &["deals:write"]);
        assert_eq!(refused, Err(Refusal::AddressNotAllowed));
        assert_eq!(decide(&g, "10.1.2.3", &["deals:write"]), Ok(()));
    }

    #[test]
    fn disabled_and_denied_read_as_revoked() {
        let mut g = grant();
        g.disabled = true;
        assert_eq!(decide(&g, "::1", &[]), Err(Refusal::Revoked));
        g.disabled = false;
        g.key_id = "key_denied".into();
        assert_eq!(decide(&g, "::1", &[]), Err(Refusal::Revoked));
    }

    #[test]
    fn a_rotated_secret_ends_with_its_grace() {
        let mut g = grant();
        g.valid_until = Some(NOW.plus(std::time::Duration::from_secs(1)));
        assert_eq!(decide(&g, "::1", &[]), Ok(()));
        g.valid_until = Some(NOW);
        assert_eq!(decide(&g, "::1", &[]), Err(Refusal::Invalid));
    }

    #[test]
    fn write_does_not_imply_read_and_the_missing_keep_the_routes_order() {
        let need = ["deals:read", "contacts:read", "contacts:write"];
        assert_eq!(
            decide(&grant(), "::1", &need),
            Err(Refusal::InsufficientScope {
                missing: vec!["deals:read".into(), "contacts:write".into()]
            })
        );
        // A part of a name is no scope.
        assert!(!grant().has_scope("contacts") && !grant().has_scope("contacts:read deals:write"));
        let mut none = grant();
        none.scopes = "".into();
        assert!(!none.has_scope("deals:read"));
    }

    #[test]
    fn mapped_addresses_are_their_ipv4_on_both_sides() {
        let mut g = grant();
        g.allowed_ips = ["10.0.0.0/8".parse().unwrap()].into();
        assert_eq!(decide(&g, "::ffff:10.1.2.3", &[]), Ok(()));
        g.allowed_ips = ["::ffff:10.0.0.0/104".parse().unwrap()].into();
        assert_eq!(decide(&g, "10.1.2.3", &[]), Ok(()));
        assert_eq!(decide(&g, "11.1.2.3", &[]), Err(Refusal::AddressNotAllowed));
        g.allowed_ips = ["2001:db8::/32".parse().unwrap()].into();
        assert_eq!(decide(&g, "2001:db8::1", &[]), Ok(()));
    }
}
