//! Vets every address of a receiver's name before any is connected to; never a connection to another one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::names::LookUp;
use super::vet::{self, Reach};
use crate::base::ceilings::RESOLVED_ADDRESSES;
use crate::config::model::AllowedTargets;

/// What the operator allows.
pub(super) type Listed = Arc<ArcSwap<AllowedTargets>>;

/// Why a name leads nowhere. Found again in the chain of causes of the HTTP client's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreachable {
    /// It has no address.
    #[error("the host name does not resolve")]
    NoAddress,
    /// Nobody said in time.
    #[error("the host name was not resolved in time")]
    Late,
    /// Those who should know say that they cannot.
    #[error("the host name could not be resolved: the name servers failed")]
    Unresolved,
    /// One of its addresses is not allowed.
    #[error("the receiver's address is not allowed")]
    NotAllowed,
}

/// The HTTP client connects to nothing but what this returns. A name with one bad address among good ones is
/// refused as a whole: it may be an attempt to get at an inner service by retries.
pub(super) struct VettingResolver {
    pub(super) names: Arc<dyn LookUp>,
    pub(super) listed: Listed,
    pub(super) reach: Reach,
}

impl Resolve for VettingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let names = Arc::clone(&self.names);
        let listed = Arc::clone(&self.listed);
        let reach = self.reach;
        Box::pin(async move {
            let found = names.look_up(name.as_str()).await?;
            vetted(name.as_str(), &found, &listed.load(), reach).map_err(Into::into)
        })
    }
}

fn vetted(
    host: &str,
    found: &[IpAddr],
    listed: &AllowedTargets,
    reach: Reach,
) -> Result<Addrs, Unreachable> {
    let reach = if listed.has_host(host) {
        Reach::Named
    } else {
        reach
    };
    if found.is_empty() {
        return Err(Unreachable::NoAddress);
    }
    if !found.iter().all(|ip| vet::is_allowed(*ip, listed, reach)) {
        return Err(Unreachable::NotAllowed);
    }
    let tried = found.iter().take(RESOLVED_ADDRESSES);
    // The client puts the URL's port in the place of 0.
    let addresses: Vec<_> = tried.map(|ip| SocketAddr::new(*ip, 0)).collect();
    Ok(Box::new(addresses.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vet(host: &str, addresses: &[&str], listed: &[&str]) -> Result<usize, Unreachable> {
        let found: Vec<IpAddr> = addresses.iter().map(|a| a.parse().unwrap()).collect();
        let listed = AllowedTargets {
            networks: listed.iter().map(|n| n.parse().unwrap()).collect(),
            hosts: vec!["hooks.internal".to_owned()],
        };
        vetted(host, &found, &listed, Reach::Public).map(Iterator::count)
    }

    #[test]
    fn one_bad_address_refuses_the_name() {
        let vet = |addresses: &[&str], listed: &[&str]| vet("a.example", addresses, listed);
        assert_eq!(vet(&["8.8.8.8", "2606:4700::1111"], &[]), Ok(2));
        assert_eq!(
            vet(&["8.8.8.8", "169.254.169.254"], &[]),
            Err(Unreachable::NotAllowed)
        );
        assert_eq!(vet(&["127.0.0.1"], &["127.0.0.0/8"]), Ok(1));
        assert_eq!(vet(&[], &[]), Err(Unreachable::NoAddress));
        assert_eq!(vet(&["1.1.1.1"; 40], &[]), Ok(RESOLVED_ADDRESSES));
    }

    #[test]
    fn a_bad_address_behind_those_that_are_tried_counts_too() {
        let mut many = vec!["1.1.1.1"; RESOLVED_ADDRESSES];
        many.push("10.0.0.1");
        assert_eq!(vet("a.example", &many, &[]), Err(Unreachable::NotAllowed));
    }

    #[test]
    fn a_listed_host_may_be_inside_but_not_a_metadata_address() {
        assert_eq!(vet("hooks.internal", &["10.0.0.1", "fd00::1"], &[]), Ok(2));
        assert_eq!(
            vet("x.hooks.internal", &["10.0.0.1"], &[]),
            Err(Unreachable::NotAllowed)
        );
        let metadata = ["10.0.0.1", "169.254.169.254"];
        assert_eq!(
            vet("hooks.internal", &metadata, &["169.254.0.0/16"]),
            Err(Unreachable::NotAllowed)
        );
        assert_eq!(
            vet("hooks.internal", &metadata, &["169.254.169.254/32"]),
            Ok(2)
        );
    }
}
