//! Which marks are reached, and who is told; never a count of its own.

use super::model::{AlertSettings, KeyMark, Mail, Matter, Recipient, UsageMark, Window};
use crate::base::ceilings::alerts::ALERT_BANNER_PERCENT;
use crate::base::clock::{DAY, Timestamp};

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Used {
    /// Which quota.
    pub window: Window,
    /// Requests of the window.
    pub used: u64,
    /// How many there may be; `None` for any number.
    pub limit: Option<u64>,
    /// When the window ends.
    pub resets_at: Timestamp,
}

/// The highest of `marks`, in per cent, that the use has reached. A quota of nothing has no marks: every request is
/// refused, and always was.
pub fn highest(marks: &[u32], used: u64, limit: Option<u64>) -> Option<u32> {
    let limit = limit.filter(|l| *l > 0)?;
    // Not rounded up: 79.9 per cent is not 80.
    let share = u128::from(used) * 100 / u128::from(limit);
    let is_reached = |mark: &u32| u128::from(*mark) <= share;
    marks.iter().copied().filter(is_reached).max()
}

/// The last of `marks`, in days, that is past before an expiry.
pub fn last_day(marks: &[u32], expires_at: Timestamp, now: Timestamp) -> Option<u32> {
    if expires_at <= now {
        return None;
    }
    let is_past = |days: &u32| expires_at.minus(DAY * *days) <= now;
    marks.iter().copied().filter(is_past).min()
}

/// The highest mark that a quota's use has reached. Of a window that is over nothing is told any more.
fn mark(marks: &[u32], used: &Used, now: Timestamp) -> Option<UsageMark> {
    if used.resets_at <= now {
        return None;
    }
    Some(UsageMark {
        window: used.window,
        percent: highest(marks, used.used, used.limit)?,
        used: used.used,
        limit: used.limit?,
        resets_at: used.resets_at,
    })
}

/// What is to be told of an account's usage: of each window the highest of the marks that are set.
pub fn reached(settings: &AlertSettings, used: &[Used], now: Timestamp) -> Vec<UsageMark> {
    let marks = |window| match window {
        Window::Hour => &settings.hour_percent,
        Window::Month => &settings.month_percent,
    };
    used.iter()
        .filter_map(|u| mark(marks(u.window), u, now))
        .collect()
}

/// The marks of a window that every page of the portal shows: those that the account has set, or one of ours where it never
/// set anything. That a quota is used up is shown whatever is set: requests are refused.
fn shown(settings: &AlertSettings, window: Window) -> Vec<u32> {
    let set: &[u32] = match window {
        _ if settings.revision == 0 => &[ALERT_BANNER_PERCENT],
        Window::Hour => &settings.hour_percent,
        Window::Month => &settings.month_percent,
    };
    [set, &[100]].concat()
}

/// What every page of the portal shows: of the windows that have reached a mark, the one that is used most.
pub fn banner(settings: &AlertSettings, used: &[Used], now: Timestamp) -> Option<UsageMark> {
    used.iter()
        .filter_map(|u| mark(&shown(settings, u.window), u, now))
        .max_by_key(|m| {
            let share = u128::from(m.used) * 100 / u128::from(m.limit.max(1));
            // Of two that are used up, the one that lasts longer.
            (share.min(100), m.resets_at)
        })
}

/// What is to be told of a key that is in use: the last mark before its expiry that is past.
pub fn expiring(settings: &AlertSettings, key: KeyMark, now: Timestamp) -> Option<KeyMark> {
    let days = last_day(&settings.key_expiry_days, key.expires_at, now)?;
    Some(KeyMark { days, ..key })
}

/// The messages that tell it: one to the account's webhooks, and one to each address where e-mails are sent at all.
pub fn mails(
    settings: &AlertSettings,
    matter: &Matter,
    can_mail: bool,
    now: Timestamp,
) -> Vec<Mail> {
    let addresses = settings.emails.iter().filter(|_| can_mail);
    addresses
        .map(|address| Recipient::Email(address.clone()))
        .chain(std::iter::once(Recipient::Webhooks))
        .map(|to| Mail::new(&settings.account_id, to, matter.clone(), now))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::alerts::testing::{NOW, key_mark, settings};

    fn used(window: Window, used: u64, limit: Option<u64>) -> Used {
        Used {
            window,
            used,
            limit,
            resets_at: NOW.plus(DAY),
        }
    }

    #[test]
    fn the_highest_mark_that_is_reached_is_told() {
        let settings = AlertSettings {
            hour_percent: vec![50, 100, 80],
            month_percent: vec![1],
            ..settings("a")
        };
        let told = |hour, month| {
            let all = reached(
                &settings,
                &[
                    used(Window::Hour, hour, Some(1_000)),
                    used(Window::Month, month, Some(1_000)),
                ],
                NOW,
            );
            let of = |m: &UsageMark| (m.window, m.percent);
            all.iter().map(of).collect::<Vec<_>>()
        };
        use Window::{Hour, Month};
        for (hour, month, expected) in [
            (0, 0, vec![]),
            (499, 9, vec![]),
            (500, 9, vec![(Hour, 50)]),
            (799, 9, vec![(Hour, 50)]),
            (800, 10, vec![(Hour, 80), (Month, 1)]),
            (999, 11, vec![(Hour, 80), (Month, 1)]),
            (1_000, 1_000, vec![(Hour, 100), (Month, 1)]),
            (u64::MAX, u64::MAX, vec![(Hour, 100), (Month, 1)]),
        ] {
            assert_eq!(told(hour, month), expected, "{hour} {month}");
        }
    }

    #[test]
    fn a_quota_of_nothing_or_of_any_number_has_no_marks() {
        let settings = settings("a");
        for limit in [None, Some(0)] {
            assert_eq!(
                reached(&settings, &[used(Window::Hour, 9, limit)], NOW),
                [],
                "{limit:?}"
            );
            assert_eq!(
                banner(&settings, &[used(Window::Hour, 9, limit)], NOW),
                None,
                "{limit:?}"
            );
        }
    }

    #[test]
    fn nothing_is_told_of_a_window_that_is_over() {
        let all = [used(Window::Hour, 100, Some(100))];
        let end = all[0].resets_at;
        let before = end.minus(Duration::from_millis(1));
        assert_eq!(reached(&settings("a"), &all, before).len(), 1);
        assert_eq!(reached(&settings("a"), &all, end), []);
        assert!(banner(&settings("a"), &all, before).is_some());
        assert_eq!(banner(&settings("a"), &all, end), None);
    }

    #[test]
    fn nothing_is_told_where_nothing_is_set() {
        let none = AlertSettings::none("a");
        let all = [
            used(Window::Hour, 9, Some(1)),
            used(Window::Month, 9, Some(1)),
        ];
        assert_eq!(reached(&none, &all, NOW), []);
        assert_eq!(expiring(&none, key_mark(0), NOW), None);
    }

    #[test]
    fn a_window_is_told_once_for_each_mark_whatever_was_used_by_then() {
        let settings = AlertSettings {
            hour_percent: vec![80, 100],
            emails: vec!["a@example.com".to_owned(), "b@example.com".to_owned()],
            ..settings("a")
        };
        let mut told = HashSet::new();
        let mut news = Vec::new();
        for n in 0..=1_200_u64 {
            for mark in reached(&settings, &[used(Window::Hour, n, Some(1_000))], NOW) {
                for mail in mails(&settings, &Matter::Usage(mark), true, NOW) {
                    if told.insert(mail.id.clone()) {
                        news.push((n, mail.to));
                    }
                }
            }
        }
        let at = |n| news.iter().filter(|(at, _)| *at == n).count();
        assert_eq!((at(800), at(1_000), news.len()), (3, 3, 6), "{news:?}");
    }

    #[test]
    fn the_banner_shows_the_window_that_is_used_most_of_those_that_have_reached_a_mark() {
        let of = |settings: &AlertSettings, hour, month| {
            let both = [
                used(Window::Hour, hour, Some(100)),
                used(Window::Month, month, Some(1_000)),
            ];
            let shown = banner(settings, &both, NOW);
            shown.map(|m| (m.window, m.percent))
        };
        use Window::{Hour, Month};
        let never = AlertSettings::none("a");
        assert_eq!(of(&never, 79, 799), None);
        assert_eq!(of(&never, 80, 799), Some((Hour, 80)));
        assert_eq!(of(&never, 81, 900), Some((Month, 80)));
        assert_eq!(of(&never, 100, 900), Some((Hour, 100)));
        let own = AlertSettings {
            hour_percent: vec![95],
            month_percent: vec![10, 50],
            revision: 1,
            ..AlertSettings::none("a")
        };
        assert_eq!(of(&own, 94, 99), None);
        assert_eq!(of(&own, 94, 100), Some((Month, 10)));
        assert_eq!(of(&own, 94, 600), Some((Month, 50)));
        assert_eq!(of(&own, 95, 600), Some((Hour, 95)));
        // Who asks to be told of nothing still sees why requests are refused.
        let none = AlertSettings {
            revision: 2,
            ..AlertSettings::none("a")
        };
        assert_eq!(of(&none, 99, 999), None);
        assert_eq!(of(&none, 99, 1_000), Some((Month, 100)));
    }

    #[test]
    fn each_day_before_an_expiry_is_told_and_the_last_that_is_past_counts() {
        let settings = AlertSettings {
            key_expiry_days: vec![14, 7, 1],
            ..settings("a")
        };
        let hour = Duration::from_secs(3600);
        for (left, expected) in [
            (DAY * 15, None),
            (DAY * 14, Some(14)),
            (DAY * 7 + hour, Some(14)),
            (DAY * 7, Some(7)),
            (DAY + hour, Some(7)),
            (DAY, Some(1)),
            (hour, Some(1)),
            (Duration::ZERO, None),
        ] {
            let key = KeyMark {
                expires_at: NOW.plus(left),
                ..key_mark(0)
            };
            let told = expiring(&settings, key, NOW).map(|m| m.days);
            assert_eq!(told, expected, "{left:?}");
        }
    }

    #[test]
    fn addresses_are_told_only_where_e_mails_are_sent() {
        let settings = AlertSettings {
            emails: vec!["a@example.com".to_owned()],
            ..settings("a")
        };
        let matter = Matter::KeyExpiring(key_mark(7));
        let to = |can_mail| {
            let all = mails(&settings, &matter, can_mail, NOW);
            all.into_iter().map(|m| m.to).collect::<Vec<_>>()
        };
        let address = Recipient::Email("a@example.com".to_owned());
        assert_eq!(to(true), [address, Recipient::Webhooks]);
        assert_eq!(to(false), [Recipient::Webhooks]);
    }

    proptest! {
        #[test]
        fn a_reached_mark_is_one_that_was_set_and_is_not_over_the_use(
            marks in prop::collection::vec(1u32..=100, 0..5), n in any::<u64>(), limit in 1u64..,
        ) {
            match highest(&marks, n, Some(limit)) {
                Some(mark) => {
                    prop_assert!(marks.contains(&mark));
                    prop_assert!(u128::from(n) * 100 >= u128::from(mark) * u128::from(limit));
                }
                None => prop_assert!(marks.iter().all(
                    |m| u128::from(n) * 100 < u128::from(*m) * u128::from(limit))),
            }
        }
    }
}
