//! The rate-limit fields of a first answer under the plan that accounts begin with, as examples show them; never those of an account.

use crate::base::clock::Timestamp;
use crate::config::model::Config;
use crate::limits::{AccountLimits, KeyBucket, fields};

/// The first second of a month of thirty days, in seconds since 1970: the fields name the length of the month.
const BEGINNING: i64 = 1_775_001_600;

/// `RateLimit-Policy` and `RateLimit` of a first request that costs so much, a line each; `None` where nothing is limited.
pub(super) fn first(config: &Config, cost: u64) -> Option<String> {
    let plan = config.plans.get(&config.default_plan)?;
    let now = Timestamp::from_secs(BEGINNING);
    let account = AccountLimits::new(plan, (0, 0), now);
    let standings = account.take(&KeyBucket::default(), cost, now).standings;
    let policy = standings.policy_field.to_str().ok()?;
    let left = fields::ratelimit(&standings)?;
    Some(format!(
        "RateLimit-Policy: {policy}\nRateLimit: {}",
        left.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::docs::testing;

    #[test]
    fn the_fields_are_those_of_the_plan_that_accounts_begin_with() {
        let config = testing::config();
        assert_eq!(
            first(&config, 1).unwrap(),
            "RateLimit-Policy: \"burst\";q=100;w=2, \"hour\";q=10000;w=3600, \"month\";q=1000000;w=2592000\n\
             RateLimit: \"burst\";r=99;t=1"
        );
        assert!(first(&config, 5).unwrap().ends_with("r=95;t=1"));
    }
}
