//! Checks webhook settings; never sends anything.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Check;
use super::words::{is_host, network, under};
use crate::config::file::ConfigFile;
use crate::config::model::{AllowedTargets, EndpointLimits, NameServers, OperatorEvents, Webhooks};
use crate::config::tree::{Step, steps};

/// Where name servers listen.
const DNS_PORT: u16 = 53;

/// Webhook delivery.
pub(super) fn webhooks(check: &mut Check<'_>, f: &ConfigFile) -> Webhooks {
    let w = &f.webhooks;
    let at = steps!["webhooks", "allowed_private_targets"];
    Webhooks {
        retry_delays: w
            .retry_delays_seconds
            .iter()
            .map(|s| Duration::from_secs(*s))
            .collect(),
        timeout: Duration::from_millis(w.timeout_ms),
        allowed_private_targets: targets(check, &w.allowed_private_targets, &at),
        name_servers: NameServers {
            servers: servers(check, &w.dns.servers, &steps!["webhooks", "dns", "servers"]),
            timeout: Duration::from_millis(w.dns.timeout_ms),
        },
        endpoint: EndpointLimits {
            concurrency: w.endpoint.concurrency,
            per_second: w.endpoint.per_second,
        },
        disable_after: (w.disable_after_hours > 0)
            .then(|| Duration::from_secs(w.disable_after_hours * 3_600)),
        retention: Duration::from_secs(w.retention_days * 86_400),
        operator: OperatorEvents {
            usage_percent: w.operator.usage_percent.clone(),
            key_expiry_days: w.operator.key_expiry_days.clone(),
        },
    }
}

/// Networks and host names.
fn targets(check: &mut Check<'_>, texts: &[String], path: &[Step]) -> AllowedTargets {
    let mut found = AllowedTargets::default();
    for (i, text) in texts.iter().enumerate() {
        // Only a name has letters and neither a colon nor a slash; a typing error in a network is none.
        let may_be_name = !text.contains([':', '/', '['])
            && text.contains(|c: char| c.is_ascii_alphabetic() || c == '_');
        if may_be_name {
            let name = if is_host(text) {
                let name = text.strip_suffix('.').unwrap_or(text);
                Ok(name.to_ascii_lowercase())
            } else {
                Err("expected a host name such as hooks.internal".to_owned())
            };
            found.hosts.extend(check.ok(&under(path, i), name));
        } else {
            let one = network(text).map_err(|e| {
                if text.contains('/') {
                    return e;
                }
                "expected a network such as 10.0.0.0/8, an IP address, or a host name without a port such as hooks.internal"
                    .to_owned()
            });
            found.networks.extend(check.ok(&under(path, i), one));
        }
    }
    found
}

/// Addresses of name servers.
fn servers(check: &mut Check<'_>, texts: &[String], path: &[Step]) -> Vec<SocketAddr> {
    let mut found = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        let with_port = text.parse::<SocketAddr>().ok().filter(|a| a.port() > 0);
        let alone = || Some(SocketAddr::new(text.parse::<IpAddr>().ok()?, DNS_PORT));
        let one = with_port.or_else(alone).ok_or_else(|| {
            "expected an IP address such as 10.0.0.2, 10.0.0.2:5353 or fd00::2".to_owned()
        });
        found.extend(check.ok(&under(path, i), one));
    }
    found
}
