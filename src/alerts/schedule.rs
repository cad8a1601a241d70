//! When a message is tried again, and when it is given up; never a timer.

use std::time::Duration;

use super::model::MailOutcome;
use super::port::MailError;
use crate::base::ceilings::alerts::MAIL_RETRIES;
use crate::base::clock::Timestamp;

/// Delays before the attempts after the first: soon, since a server that greylists takes a message a few minutes later;
/// then rarely, since one that is down is mended by people.
const DELAYS: [Duration; MAIL_RETRIES] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(6 * 3600),
];

/// Most that is added to a delay, as a part of it: messages that failed together are not all tried again together.
const JITTER: f64 = 0.1;

/// Decides what follows an attempt that ended at `now`. `earlier` is how many attempts came before it; `ends_at` is when
/// the message has no meaning any more; `jitter` lies in [0, 1).
pub fn next(
    result: Result<(), &MailError>,
    earlier: u32,
    ends_at: Timestamp,
    now: Timestamp,
    jitter: f64,
) -> MailOutcome {
    match result {
        Ok(()) => return MailOutcome::Sent,
        Err(e) if e.is_permanent => return MailOutcome::Failed,
        Err(_) => {}
    }
    let Some(delay) = DELAYS.get(earlier as usize) else {
        return MailOutcome::Failed;
    };
    let at = now.plus(delay.mul_f64(1.0 + JITTER * jitter.clamp(0.0, 1.0)));
    // Nobody wants to read tomorrow that an hour's quota was nearly used up today.
    if at > ends_at {
        return MailOutcome::Failed;
    }
    MailOutcome::Retry(at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::alerts::testing::NOW;

    const FAR: Duration = Duration::from_secs(7 * 24 * 3600);

    fn error(is_permanent: bool) -> MailError {
        MailError {
            is_permanent,
            text: String::new(),
        }
    }

    fn failed(is_permanent: bool, earlier: u32, ends_in: Duration) -> MailOutcome {
        next(
            Err(&error(is_permanent)),
            earlier,
            NOW.plus(ends_in),
            NOW,
            0.0,
        )
    }

    #[test]
    fn a_message_is_tried_again_on_schedule_and_then_given_up() {
        let retry = |secs| MailOutcome::Retry(NOW.plus(Duration::from_secs(secs)));
        let delays = [60, 300, 1_800, 7_200, 21_600];
        for (earlier, secs) in (0..).zip(delays) {
            assert_eq!(failed(false, earlier, FAR), retry(secs));
        }
        assert_eq!(failed(false, 5, FAR), MailOutcome::Failed);
        assert_eq!(failed(false, u32::MAX, FAR), MailOutcome::Failed);
        assert_eq!(next(Ok(()), 9, NOW, NOW, 0.0), MailOutcome::Sent);
    }

    #[test]
    fn what_is_of_no_use_is_not_tried_again() {
        assert_eq!(failed(true, 0, FAR), MailOutcome::Failed);
        let soon_over = Duration::from_secs(59);
        assert_eq!(failed(false, 0, soon_over), MailOutcome::Failed);
    }

    proptest! {
        #[test]
        fn jitter_is_bounded_and_never_early(j in 0.0f64..1.0, earlier in 0u32..5) {
            let MailOutcome::Retry(at) = next(Err(&error(false)), earlier, NOW.plus(FAR), NOW, j) else {
                panic!()
            };
            let (wait, delay) = (at.since(NOW), DELAYS[earlier as usize]);
            prop_assert!(wait >= delay && wait <= delay.mul_f64(1.1) + Duration::from_millis(1));
        }
    }
}
