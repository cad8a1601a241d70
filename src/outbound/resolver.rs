//! Resolves a receiver's name and vets every address before any is connected to; never a cache.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::vet::{self, Reach};
use crate::base::ceilings::RESOLVED_ADDRESSES;

/// Networks that the operator allows.
pub(super) type Listed = Arc<ArcSwap<Vec<IpNet>>>;

/// Why a name leads nowhere. Found again in the chain of causes of the HTTP client's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreachable {
    /// It has no address.
    #[error("the host name does not resolve")]
    NoAddress,
    /// One of its addresses is not allowed.
    #[error("the receiver's address is not allowed")]
    NotAllowed,
}

/// The HTTP client connects to nothing but what this returns. A name with one bad address among good ones is
/// refused as a whole: it may be an attempt to get at an inner service by retries.
pub(super) struct VettingResolver {
    pub(super) listed: Listed,
    pub(super) reach: Reach,
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let listed = Arc::clone(&self.listed);
        let reach = self.reach;
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map_err(|_| Unreachable::NoAddress)?
                .collect();
            vetted(found, &listed.load(), reach).map_err(Into::into)
        })
    }
}

fn vetted(
    mut found: Vec<SocketAddr>,
    listed: &[IpNet],
    reach: Reach,
) -> Result<Addrs, Unreachable> {
    if found.is_empty() {
        return Err(Unreachable::NoAddress);
    }
    if !found.iter().all(|a| vet::is_allowed(a.ip(), listed, reach)) {
        return Err(Unreachable::NotAllowed);
    }
    found.truncate(RESOLVED_ADDRESSES);
    Ok(Box::new(found.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vet(addresses: &[&str], listed: &[&str]) -> Result<usize, Unreachable> {
        let found = addresses
            .iter()
            .map(|a| SocketAddr::new(a.parse().unwrap(), 0))
            .collect();
        let listed: Vec<IpNet> = listed.iter().map(|n| n.parse().unwrap()).collect();
        vetted(found, &listed, Reach::Public).map(Iterator::count)
    }

    #[test]
    fn one_bad_address_refuses_the_name() {
        assert_eq!(vet(&["8.8.8.8", "2606:4700::1111"], &[]), Ok(2));
        assert_eq!(
            vet(&["8.8.8.8", "169.254.169.254"], &[]),
            Err(Unreachable::NotAllowed)
        );
        assert_eq!(vet(&["127.0.0.1"], &["127.0.0.0/8"]), Ok(1));
        assert_eq!(vet(&[], &[]), Err(Unreachable::NoAddress));
        assert_eq!(vet(&["1.1.1.1"; 40], &[]), Ok(RESOLVED_ADDRESSES));
    }
}
