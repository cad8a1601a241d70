//! When an attempt is made again: the retry schedule, `Retry-After` and what a reply means; never a timer.

use std::time::Duration;

use super::model::{Outcome, Reply};
use crate::base::ceilings::WEBHOOK_RETRY_AFTER;
use crate::base::clock::Timestamp;

/// Most that is added to a delay, as a part of it: receivers that failed together are not all tried again together.
const JITTER: f64 = 0.1;

/// Decides what follows an attempt that ended at `now`. `earlier` is how many attempts of the present schedule came
/// before it; `jitter` lies in [0, 1). 2xx succeeds, 410 disables the endpoint, anything else is tried again as
/// long as `delays` has an entry, never earlier than the schedule or a `Retry-After` says.
pub fn next(
    reply: Result<&Reply, &str>,
    earlier: u32,
    delays: &[Duration],
    now: Timestamp,
    jitter: f64,
) -> Outcome {
    match reply {
        Ok(r) if (200..300).contains(&r.status) => return Outcome::Succeeded,
        Ok(r) if r.status == 410 => {
            return Outcome::DisableEndpoint("the receiver answered 410 Gone".to_owned());
        }
        _ => {}
    }
    let Some(delay) = delays.get(earlier as usize) else {
        return Outcome::Exhausted;
    };
    let delay = delay.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0));
    let asked = reply
        .ok()
        .and_then(|r| retry_after(r.retry_after.as_deref()?, now))
        .unwrap_or_default();
    Outcome::Retry(now.plus(delay.max(asked)))
}

/// `Retry-After` (RFC 9110 section 10.2.3) as a delay from `now`, seconds or an HTTP date, bounded; `None` where it
/// says neither.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let delay = if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        value.parse().map_or(Duration::MAX, Duration::from_secs)
    } else {
        Timestamp::parse_http_date(value)?.since(now)
    };
    Some(delay.min(WEBHOOK_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DELAYS: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(300)];

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-08T08:49:37Z").unwrap()
    }

    fn reply(status: u16, retry_after: Option<&str>) -> Reply {
        Reply {
            status,
            retry_after: retry_after.map(str::to_owned),
            headers: Vec::new(),
            excerpt: String::new(),
        }
    }

    fn after(status: u16, retry_after: Option<&str>, earlier: u32, jitter: f64) -> Outcome {
        next(
            Ok(&reply(status, retry_after)),
            earlier,
            &DELAYS,
            now(),
            jitter,
        )
    }

    fn retry(ms: u64) -> Outcome {
        Outcome::Retry(now().plus(Duration::from_millis(ms)))
    }

    #[test]
    fn only_2xx_succeeds_and_410_disables() {
        for status in [200, 201, 204, 299] {
            assert_eq!(after(status, None, 0, 0.0), Outcome::Succeeded);
        }
        for status in [199, 301, 302, 304, 400, 404, 429, 500, 503] {
            assert_eq!(after(status, None, 0, 0.0), retry(5000), "{status}");
        }
        assert!(matches!(
            after(410, None, 9, 0.0),
            Outcome::DisableEndpoint(_)
        ));
    }

    #[test]
    fn the_schedule_is_followed_and_ends() {
        let failed = |earlier| next(Err("no route"), earlier, &DELAYS, now(), 0.0);
        assert_eq!(failed(0), retry(5000));
        assert_eq!(failed(1), retry(300_000));
        assert_eq!(failed(2), Outcome::Exhausted);
        assert_eq!(next(Err(""), 0, &[], now(), 0.0), Outcome::Exhausted);
    }

    #[test]
    fn retry_after_is_honoured_in_both_forms_and_bounded() {
        assert_eq!(after(503, Some("120"), 0, 0.0), retry(120_000));
        assert_eq!(
            after(503, Some(" 1 "), 0, 0.0),
            retry(5000),
            "never before the schedule"
        );
        assert_eq!(
            after(429, Some("Sun, 08 Nov 2026 08:50:37 GMT"), 0, 0.0),
            retry(60_000)
        );
        assert_eq!(
            after(429, Some("Sun, 08 Nov 2020 08:50:37 GMT"), 0, 0.0),
            retry(5000)
        );
        for nonsense in ["", "soon", "-5", "1.5"] {
            assert_eq!(
                after(503, Some(nonsense), 0, 0.0),
                retry(5000),
                "{nonsense}"
            );
        }
        let day = WEBHOOK_RETRY_AFTER.as_millis() as u64;
        assert_eq!(
            after(503, Some("99999999999999999999999"), 0, 0.0),
            retry(day)
        );
        assert_eq!(after(503, Some("864000"), 0, 0.0), retry(day));
    }

    proptest! {
        #[test]
        fn jitter_is_bounded_and_never_early(j in 0.0f64..1.0, earlier in 0u32..2) {
            let Outcome::Retry(at) = after(500, None, earlier, j) else { panic!() };
            let wait = at.since(now());
            let delay = DELAYS[earlier as usize];
            prop_assert!(wait >= delay && wait <= delay.mul_f64(1.1) + Duration::from_millis(1));
        }

        #[test]
        fn no_retry_after_panics(text in ".{0,40}") {
            let _ = after(503, Some(&text), 0, 0.5);
        }
    }
}
