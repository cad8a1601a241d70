//! Which addresses a webhook may go to: pure tables and rules; never a look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

/// Special-purpose IPv4 networks (RFC 6890 and its registry): private, loopback, link-local, metadata, test, multicast.
const FORBIDDEN_V4: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// Special-purpose IPv6 networks. `::/8` covers loopback, unspecified, IPv4-mapped and IPv4-compatible addresses.
const FORBIDDEN_V6: &[&str] = &[
    "::/8",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "64:ff9b:1::/48",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// The well-known NAT64 prefix (RFC 6052): such an address is as good as the IPv4 address in it.
const NAT64: &str = "64:ff9b::/96";

static FORBIDDEN: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let all = FORBIDDEN_V4.iter().chain(FORBIDDEN_V6);
    all.filter_map(|n| n.parse().ok()).collect()
});

static NAT64_NET: LazyLock<Option<IpNet>> = LazyLock::new(|| NAT64.parse().ok());

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, and those that are listed: for https.
    Public,
    /// Only those that are listed: for plain http.
    ListedOnly,
}

/// Whether a request may go to `ip`, where `listed` are networks that the operator allows.
pub fn is_allowed(ip: IpAddr, listed: &[IpNet], reach: Reach) -> bool {
    let canonical = ip.to_canonical();
    let is_listed = listed
        .iter()
        .any(|n| n.contains(&ip) || n.contains(&canonical));
    is_listed || (reach == Reach::Public && !is_special(ip))
}

/// Whether `ip` is one that a webhook never goes to unless it is listed.
pub fn is_special(ip: IpAddr) -> bool {
    if let IpAddr::V6(v6) = ip
        && NAT64_NET.is_none_or(|n| n.contains(&ip))
    {
        return is_special(IpAddr::V4(embedded(v6)));
    }
    FORBIDDEN.iter().any(|n| n.contains(&ip))
}

fn embedded(v6: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = v6.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn special(ip: &str) -> bool {
        is_special(ip.parse().unwrap())
    }

    #[test]
    fn the_tables_parse_whole() {
        assert_eq!(FORBIDDEN.len(), FORBIDDEN_V4.len() + FORBIDDEN_V6.len());
        assert!(NAT64_NET.is_some());
    }

    #[test]
    fn special_addresses_are_special_to_their_edges() {
        for ip in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "fd00:ec2::254",
        ] {
            assert!(special(ip), "{ip}");
        }
    }

    #[test]
    fn public_addresses_are_not() {
        for ip in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860:4860::8888",
            "64:ff9b::808:808",
            "2a00::1",
        ] {
            assert!(!special(ip), "{ip}");
        }
    }

    #[test]
    fn a_listed_network_is_allowed_in_any_spelling() {
        let listed = ["127.0.0.0/8".parse().unwrap()];
        for ip in ["127.0.0.1", "::ffff:127.0.0.1"] {
            assert!(is_allowed(ip.parse().unwrap(), &listed, Reach::Public));
            assert!(is_allowed(ip.parse().unwrap(), &listed, Reach::ListedOnly));
        }
        for ip in ["10.0.0.1", "::1", "64:ff9b::7f00:1", "169.254.169.254"] {
            assert!(
                !is_allowed(ip.parse().unwrap(), &listed, Reach::Public),
                "{ip}"
            );
        }
        let public = "8.8.8.8".parse().unwrap();
        assert!(is_allowed(public, &listed, Reach::Public));
        assert!(!is_allowed(public, &listed, Reach::ListedOnly));
    }
}
