//! Which addresses a webhook may go to: pure tables and rules; never a look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::IpNet;

use crate::config::model::AllowedTargets;

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

/// Where clouds show a machine its own credentials. Not all of them are special otherwise (Azure's is public).
const METADATA: &[&str] = &[
    "100.100.100.200",    // Alibaba
    "168.63.129.16",      // Azure
    "169.254.0.23",       // Tencent
    "169.254.42.42",      // Scaleway
    "169.254.169.254",    // AWS, Azure, Google, Oracle, OpenStack and most others
    "169.254.170.2",      // AWS, of a task
    "169.254.170.23",     // AWS, of a pod
    "192.0.0.192",        // Oracle, before
    "fd00:42::42",        // Scaleway
    "fd00:c1::a9fe:a9fe", // Oracle
    "fd00:ec2::23",       // AWS, of a pod
    "fd00:ec2::254",      // AWS
    "fd20:ce::254",       // Google
    "fe80::a9fe:a9fe",    // OpenStack
];

/// The well-known NAT64 prefix (RFC 6052): such an address is as good as the IPv4 address in it.
const NAT64: &str = "64:ff9b::/96";

static FORBIDDEN: LazyLock<Vec<IpNet>> = LazyLock::new(|| {
    let all = FORBIDDEN_V4.iter().chain(FORBIDDEN_V6);
    all.filter_map(|n| n.parse().ok()).collect()
});

static METADATA_ADDRESSES: LazyLock<Vec<IpAddr>> =
    LazyLock::new(|| METADATA.iter().filter_map(|a| a.parse().ok()).collect());

static NAT64_NET: LazyLock<Option<IpNet>> = LazyLock::new(|| NAT64.parse().ok());

/// Which addresses a request may go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public ones, and those that are listed: for https on an ordinary port.
    Public,
    /// Only those that are listed: for plain http, and for ports of other services.
    ListedOnly,
    /// All but metadata addresses: for a host that is listed by its name.
    Named,
}

/// Whether a request may go to `ip`, where `listed` is what the operator allows. A metadata address is only allowed by
/// an entry that is this address.
pub fn is_allowed(ip: IpAddr, listed: &AllowedTargets, reach: Reach) -> bool {
    let canonical = ip.to_canonical();
    let is_listed = |n: &IpNet| n.contains(&ip) || n.contains(&canonical);
    if is_metadata(ip) {
        let mut exact = listed.networks.iter().filter(|n| is_one_address(n));
        return exact.any(is_listed);
    }
    listed.networks.iter().any(is_listed)
        || match reach {
            Reach::Public => !is_special(ip),
            Reach::ListedOnly => false,
            Reach::Named => true,
        }
}

fn is_one_address(net: &IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

/// Whether `ip` is a metadata address, or one that leads to it by a translation of IPv4.
pub fn is_metadata(ip: IpAddr) -> bool {
    let is_one = |a: &IpAddr| METADATA_ADDRESSES.contains(a);
    if is_one(&ip) {
        return true;
    }
    let IpAddr::V6(v6) = ip else { return false };
    let [s0, s1, s2, ..] = v6.segments();
    let inside = match (s0, s1) {
        // 6to4 has it behind its prefix, NAT64 (either prefix), mapped and compatible addresses at the end.
        (0x2002, _) => {
            let [a, b] = s1.to_be_bytes();
            let [c, d] = s2.to_be_bytes();
            Ipv4Addr::new(a, b, c, d)
        }
        (0x64, 0xff9b) | (0, 0) => embedded(v6),
        _ => return false,
    };
    is_one(&IpAddr::V4(inside))
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
        assert_eq!(METADATA_ADDRESSES.len(), METADATA.len());
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
        let listed = listed(&["127.0.0.0/8"]);
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

    fn listed(networks: &[&str]) -> AllowedTargets {
        AllowedTargets {
            networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
            hosts: Vec::new(),
        }
    }

    #[test]
    fn a_metadata_address_is_allowed_by_its_own_entry_only() {
        let all = listed(&["0.0.0.0/0", "::/0", "169.254.169.0/24", "fd00:ec2::/64"]);
        for ip in METADATA {
            let bits = if ip.contains(':') { 128 } else { 32 };
            let one = listed(&[&format!("{ip}/{bits}")]);
            let ip = ip.parse().unwrap();
            for reach in [Reach::Public, Reach::ListedOnly, Reach::Named] {
                assert!(!is_allowed(ip, &listed(&[]), reach), "{ip}");
                assert!(!is_allowed(ip, &all, reach), "{ip} by a network");
                assert!(is_allowed(ip, &one, reach), "{ip} by its own entry");
            }
        }
        let one = listed(&["169.254.169.254/32"]);
        assert!(is_allowed(
            "::ffff:169.254.169.254".parse().unwrap(),
            &one,
            Reach::Public
        ));
        for other in [
            "169.254.169.253",
            "169.254.170.2",
            "64:ff9b::a9fe:a9fe",
            "fd00:ec2::254",
        ] {
            let other = other.parse().unwrap();
            assert!(!is_allowed(other, &one, Reach::Public), "{other}");
        }
        for translated in [
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "64:ff9b::168.63.129.16",
        ] {
            let ip = translated.parse().unwrap();
            assert!(is_metadata(ip), "{translated}");
            assert!(!is_allowed(ip, &all, Reach::Named), "{translated}");
        }
        assert!(!is_metadata("169.254.1.1".parse().unwrap()));
        assert!(!is_metadata("2606:4700::a9fe:a9fe".parse().unwrap()));
    }

    #[test]
    fn a_host_that_is_listed_by_name_may_have_any_other_address() {
        for ip in ["10.0.0.1", "127.0.0.1", "fd00::1", "8.8.8.8"] {
            let ip = ip.parse().unwrap();
            assert!(is_allowed(ip, &listed(&[]), Reach::Named), "{ip}");
            assert!(!is_allowed(ip, &listed(&[]), Reach::ListedOnly), "{ip}");
        }
    }
}
