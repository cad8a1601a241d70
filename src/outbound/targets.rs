//! Which URLs a webhook may go to as far as they tell it themselves; never a look-up.

use std::net::IpAddr;

use reqwest::Url;

use super::resolver::Unreachable;
use super::vet::{self, Reach};
use crate::config::model::AllowedTargets;

/// Ports of services that are no web servers: those that browsers refuse (the Fetch standard's "bad ports"), and others
/// that hold data or run commands. A request to one of them is an attempt to talk to that service.
const OTHER_SERVICES: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 88, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 138, 139, 143, 161, 162, 179,
    389, 427, 445, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601,
    636, 873, 989, 990, 993, 995, 1080, 1433, 1434, 1521, 1719, 1720, 1723, 1883, 2049, 2181, 2375,
    2376, 2377, 2379, 2380, 3268, 3269, 3306, 3389, 3659, 4045, 4190, 4369, 5060, 5061, 5432, 5671,
    5672, 5900, 5984, 5985, 5986, 6000, 6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697,
    8883, 9042, 9092, 9200, 9300, 10_080, 10_250, 10_255, 11_211, 15_672, 16_379, 26_379, 27_017,
    27_018, 27_019,
];

const EXPECTED: &str = "expected a URL such as https://example.com/hook";

/// A URL that may be connected to, and which of its host's addresses then.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) url: Url,
    pub(super) reach: Reach,
}

/// The target that `text` names, where `listed` is what the operator allows.
///
/// # Errors
/// It is none that a webhook may go to; text for whoever set the URL.
pub(super) fn target(text: &str, listed: &AllowedTargets) -> Result<Target, String> {
    // The parser would mend all of these, and another one that looks at the same text would read something else.
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
    if text.contains(is_odd) {
        return Err("a URL must not have spaces, backslashes or control characters".to_owned());
    }
    let url = Url::parse(text).map_err(|_| EXPECTED)?;
    let authority = text.get(url.scheme().len()..).unwrap_or_default();
    let authority = authority.strip_prefix("://").unwrap_or_default();
    if authority.is_empty() || authority.starts_with('/') {
        return Err(EXPECTED.to_owned());
    }
    if !matches!(url.scheme(), "https" | "http") {
        return Err("expected an https URL".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a URL must not have a user name or a password".to_owned());
    }
    let host = url.host_str().filter(|h| !h.is_empty());
    let host = host.ok_or("the URL has no host")?;
    let port = url.port_or_known_default().unwrap_or_default();
    if port == 0 {
        return Err("port 0 is no port of a receiver".to_owned());
    }
    let is_other_service = OTHER_SERVICES.contains(&port);
    let reach = if url.scheme() == "https" && !is_other_service {
        Reach::Public
    } else {
        Reach::ListedOnly
    };
    // The parser has made one spelling of them all: 0x7f.1, 2130706433 and the like are 127.0.0.1 here.
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let is_possible = match literal.parse::<IpAddr>() {
        Ok(ip) => vet::is_allowed(ip, listed, reach),
        Err(_) => {
            // Whether a name leads into a listed network is found out when it is resolved.
            reach == Reach::Public || !listed.networks.is_empty() || listed.has_host(host)
        }
    };
    if is_possible {
        return Ok(Target { url, reach });
    }
    Err(if url.scheme() == "http" {
        "expected https; http only goes to targets that the operator lists".to_owned()
    } else if is_other_service {
        format!("port {port} is another service's; it is taken for targets that the operator lists")
    } else {
        Unreachable::NotAllowed.to_string()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> AllowedTargets {
        AllowedTargets::default()
    }

    fn listed() -> AllowedTargets {
        AllowedTargets {
            networks: vec!["10.1.0.0/16".parse().unwrap()],
            hosts: vec!["hooks.internal".to_owned()],
        }
    }

    #[test]
    fn ordinary_targets_are_taken() {
        for url in [
            "https://receiver.example/hook",
            "https://receiver.example:8443/hook?a=b#c",
            "https://receiver.example:443",
            "https://1.1.1.1/hook",
            "https://[2606:4700::1111]/hook",
            "https://RECEIVER.example./hook",
            "https://bücher.example/hook",
            "https://receiver.example:49152/",
        ] {
            let found = target(url, &none()).unwrap();
            assert_eq!(found.reach, Reach::Public, "{url}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for url in [
            "",
            "receiver.example",
            "https://",
            "https:///hook",
            "https:/hook",
            "https:hook",
            "https:hook?a=://b",
            "https:\\\\receiver.example\\hook",
            "https://receiver.example\\@127.0.0.1/",
            "ftp://receiver.example/",
            "file:///etc/passwd",
            "gopher://receiver.example/",
            "https://user@receiver.example/",
            "https://u:p@receiver.example/",
            "https://:p@receiver.example/",
            "https://receiver.example@169.254.169.254/",
            "https://999.1.1.1/",
            "https://1.2.3.4.5/",
            "https://receiver.example:0/",
            "https://receiver.example:99999/",
            " https://receiver.example/",
            "https://receiver.example/\n",
            "https://receiver.exa\tmple/",
            "https://receiver.example/a b",
            "https://[::1%25eth0]/",
            "https://[fe80::1%eth0]/",
        ] {
            assert!(target(url, &none()).is_err(), "{url}");
            assert!(target(url, &listed()).is_err(), "{url}");
        }
    }

    #[test]
    fn inner_addresses_are_refused_however_they_are_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f.1",
            "0X7F000001",
            "0177.0.0.1",
            "2130706433",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "127。0。0。1",
            "１２７.0.0.1",
            "①②⑦.0.0.1",
            "0",
            "10.0.0.1",
            "168.63.129.16",
            "0xa9fea9fe",
            "169.254.43518",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[::7f00:1]",
            "[64:ff9b::7f00:1]",
            "[fd00:ec2::254]",
        ] {
            for scheme in ["https", "http"] {
                let url = format!("{scheme}://{host}/hook");
                assert!(target(&url, &none()).is_err(), "{url}");
            }
        }
    }

    #[test]
    fn ports_of_other_services_are_for_listed_targets() {
        for port in [22, 25, 445, 2375, 3306, 5432, 6379, 9200, 11_211, 27_017] {
            let to = |host: &str| format!("https://{host}:{port}/hook");
            for host in ["receiver.example", "1.1.1.1", "[2606:4700::1111]"] {
                let refused = target(&to(host), &none()).unwrap_err();
                assert!(refused.contains(&port.to_string()), "{refused}");
            }
            assert!(target(&to("1.1.1.1"), &listed()).is_err(), "{port}");
            for host in ["10.1.2.3", "hooks.internal", "name-of-10-1.example"] {
                let found = target(&to(host), &listed()).unwrap();
                assert_eq!(found.reach, Reach::ListedOnly, "{host}");
            }
        }
    }

    #[test]
    fn plain_http_is_for_listed_targets() {
        for url in ["http://receiver.example/", "http://1.1.1.1/"] {
            assert!(target(url, &none()).is_err(), "{url}");
        }
        let listed = listed();
        assert!(target("http://1.1.1.1/", &listed).is_err());
        for url in ["http://10.1.2.3/", "http://HOOKS.internal./"] {
            assert_eq!(target(url, &listed).unwrap().reach, Reach::ListedOnly);
        }
        let only_host = AllowedTargets {
            networks: vec![],
            ..listed
        };
        assert!(target("http://hooks.internal/", &only_host).is_ok());
        assert!(target("http://other.internal/", &only_host).is_err());
    }
}
