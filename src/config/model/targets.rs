//! What webhooks may reach beside public addresses, and who resolves names for them; never a look-up.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

/// Targets that the operator allows although they are not public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedTargets {
    /// Networks. One that is a single address allows a metadata address too, a wider one does not.
    pub networks: Vec<IpNet>,
    /// Host names in lower case, without a port: they may resolve to any address but a metadata address.
    pub hosts: Vec<String>,
}

impl AllowedTargets {
    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && self.hosts.is_empty()
    }

    /// Whether this very host name is allowed, however it is written.
    pub fn has_host(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.hosts.iter().any(|h| h.eq_ignore_ascii_case(host))
    }
}

/// Who resolves the names of receivers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServers {
    /// Servers that are asked; empty: those of the system.
    pub servers: Vec<SocketAddr>,
    /// Time for one look-up.
    pub timeout: Duration,
}

impl Default for NameServers {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            timeout: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_in_any_case_and_with_a_final_dot_but_nothing_below_it() {
        let allowed = AllowedTargets {
            hosts: vec!["hooks.internal".to_owned()],
            ..AllowedTargets::default()
        };
        for host in ["hooks.internal", "HOOKS.internal", "hooks.internal."] {
            assert!(allowed.has_host(host), "{host}");
        }
        for host in ["a.hooks.internal", "internal", "hooks.internal.example", ""] {
            assert!(!allowed.has_host(host), "{host}");
        }
    }
}
