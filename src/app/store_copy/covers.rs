//! Whether the target's settings cover the source's plans, keys and endpoints' secrets; never what those are.

use super::CopyError;
use crate::config::model::Config;
use crate::keys::model::DigestKind;
use crate::store::embedded::source::Source;
use crate::webhooks::seal::Sealer;

/// What the target's settings lack.
#[derive(Debug, thiserror::Error)]
pub enum NotCovered {
    /// A pepper.
    #[error(
        "keys.peppers has no {pepper}, under which {key} and others were signed: they would be refused"
    )]
    Pepper {
        /// Its id.
        pepper: String,
        /// A key that needs it.
        key: String,
    },
    /// A pepper has another secret.
    #[error(
        "keys.peppers has another secret for {0} than --from: keys that were signed under it would be refused"
    )]
    Secret(String),
    /// A format of legacy keys.
    #[error("keys.legacy has no format for the kind of {0} and others: they would be refused")]
    Legacy(String),
    /// What keys begin with.
    #[error(
        "keys.prefix is {to}, and {from} in --from: keys that were made there would be refused"
    )]
    Prefix {
        /// The source's.
        from: String,
        /// The target's.
        to: String,
    },
    /// A plan.
    #[error("plans has no {plan}, which {account} and others have")]
    Plan {
        /// Its name.
        plan: String,
        /// An account that has it.
        account: String,
    },
    /// A secret of an endpoint.
    #[error("keys.peppers does not open a secret of the endpoint {0}")]
    Endpoint(String),
}

/// Refuses a target that lacks limits, would refuse keys or could not sign deliveries.
pub(super) fn check(from: &Config, to: &Config, source: &Source) -> Result<(), CopyError> {
    if from.keys.prefix != to.keys.prefix {
        return Err(NotCovered::Prefix {
            from: from.keys.prefix.clone(),
            to: to.keys.prefix.clone(),
        }
        .into());
    }
    for (plan, account) in source.plans()? {
        if !to.plans.contains_key(&plan) {
            return Err(NotCovered::Plan { plan, account }.into());
        }
    }
    for (kind, key) in source.kinds()? {
        match kind {
            DigestKind::Pepper(pepper) => covers(from, to, &pepper, &key)?,
            DigestKind::Legacy(hash) => {
                if !to.keys.legacy.iter().any(|format| format.hash == hash) {
                    return Err(NotCovered::Legacy(key).into());
                }
            }
        }
    }
    let (theirs, ours) = (
        Sealer::new(&to.keys.peppers),
        Sealer::new(&from.keys.peppers),
    );
    let mut after = String::new();
    loop {
        let endpoints = source.endpoints(&after)?;
        let Some(last) = endpoints.last() else {
            return Ok(());
        };
        for endpoint in &endpoints {
            let mut lost = endpoint.secrets.iter().filter(|sealed| {
                // One that the source cannot open either is lost already.
                theirs.open(&endpoint.id, sealed).is_err()
                    && ours.open(&endpoint.id, sealed).is_ok()
            });
            if lost.next().is_some() {
                return Err(NotCovered::Endpoint(endpoint.id.clone()).into());
            }
        }
        after = last.id.clone();
    }
}

fn covers(from: &Config, to: &Config, pepper: &str, key: &str) -> Result<(), NotCovered> {
    let find = |config: &Config| {
        let mut peppers = config.keys.peppers.iter();
        peppers
            .find(|p| p.id == pepper)
            .map(|p| p.secret.expose().to_owned())
    };
    match (find(from), find(to)) {
        (_, None) => Err(NotCovered::Pepper {
            pepper: pepper.to_owned(),
            key: key.to_owned(),
        }),
        (Some(a), Some(b)) if a != b => Err(NotCovered::Secret(pepper.to_owned())),
        _ => Ok(()),
    }
}
