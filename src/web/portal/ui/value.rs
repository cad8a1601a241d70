//! Numbers, dates and times as people read them; the exact instant is beside each, and time.mjs writes it in the reader's zone.

use std::time::Duration;

use maud::{Markup, html};

use crate::base::clock::Timestamp;
use crate::base::number::grouped;

/// An instant: `27 Nov 2026, 14:09 UTC`.
pub fn time(at: Timestamp) -> Markup {
    let text = at.to_string();
    html! {
        time datetime=(text) data-time title=(text) { (at.utc("%-d %b %Y, %H:%M UTC")) }
    }
}

/// An instant to come and how far it is: `in 42 minutes (27 Nov 2026, 15:00 UTC)`.
pub fn until(at: Timestamp, now: Timestamp) -> Markup {
    html! { "in " (when_left(at.since(now))) " (" (time(at)) ")" }
}

/// The day of an instant: `27 Nov 2026 UTC`, which time.mjs makes the reader's day.
pub fn day_of(at: Timestamp) -> Markup {
    let text = at.to_string();
    html! {
        time datetime=(text) data-time="day" title=(text) { (at.day()) " UTC" }
    }
}

/// A UTC day: `27 Nov 2026`.
pub fn date(at: Timestamp) -> String {
    at.day()
}

/// How long something still lasts, in its largest unit: `3 days`, `1 hour`.
pub fn when_left(left: Duration) -> String {
    let minutes = left.as_secs() / 60;
    let (count, unit) = match minutes {
        0 => return "less than a minute".to_owned(),
        1..60 => (minutes, "minute"),
        60..1440 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A number with a comma between its thousands.
pub fn number(n: u64) -> String {
    grouped(n.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_and_numbers_are_written_for_people() {
        let at = Timestamp::parse("2026-11-07T14:09:59.123Z").unwrap();
        let html = time(at).into_string();
        assert!(html.contains(">7 Nov 2026, 14:09 UTC<"), "{html}");
        assert!(html.contains("datetime=\"2026-11-07T14:09:59.123Z\""));
        assert_eq!(date(at), "7 Nov 2026");
        let html = day_of(at).into_string();
        assert!(html.contains(">7 Nov 2026 UTC<"), "{html}");
        assert!(html.contains("datetime=\"2026-11-07T14:09:59.123Z\" data-time=\"day\""));
        assert_eq!(number(12_345_678), "12,345,678");
    }

    #[test]
    fn an_instant_to_come_is_said_by_how_far_it_is_and_by_its_name() {
        let at = Timestamp::parse("2026-11-07T15:00:00Z").unwrap();
        let html = until(at, at.minus(Duration::from_secs(42 * 60))).into_string();
        assert!(html.starts_with("in 42 minutes (<time"), "{html}");
        assert!(html.ends_with(">7 Nov 2026, 15:00 UTC</time>)"), "{html}");
        let html = until(at, at).into_string();
        assert!(html.starts_with("in less than a minute ("), "{html}");
    }

    #[test]
    fn what_is_left_is_said_in_its_largest_unit() {
        for (seconds, wanted) in [
            (0, "less than a minute"),
            (60, "1 minute"),
            (3_599, "59 minutes"),
            (3_600, "1 hour"),
            (86_399, "23 hours"),
            (86_400, "1 day"),
            (1_209_600, "14 days"),
        ] {
            assert_eq!(when_left(Duration::from_secs(seconds)), wanted);
        }
    }
}
