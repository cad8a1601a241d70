//! UTC hours, days and months as people read them; never another zone, which only the reader's browser knows.

use crate::base::clock::{DAY_MS, HOUR_MS, Timestamp};
use crate::usage::model::Granularity;

/// A whole point: `27 Nov 2026, 14:00–15:00 UTC`, `27 Nov 2026`, `November 2026`.
pub(in crate::web::portal) fn point(start: Timestamp, span: Granularity) -> String {
    match span {
        Granularity::Hour => format!("{}, {}", start.day(), hour_window(start)),
        Granularity::Day => start.day(),
        Granularity::Month => month(start),
    }
}

/// `November 2026`.
pub(in crate::web::portal) fn month(t: Timestamp) -> String {
    t.utc("%B %Y")
}

/// The hour that an instant lies in: `14:00–15:00 UTC`.
pub(in crate::web::portal) fn hour_window(t: Timestamp) -> String {
    let start = t.hour_start();
    let end = Timestamp::from_millis(start.millis() + HOUR_MS);
    // The hour before midnight ends at 24:00: 00:00 would be the day's beginning.
    let end = match end.millis() % DAY_MS {
        0 => "24:00".to_owned(),
        _ => end.utc("%H:%M"),
    };
    format!("{}–{end} UTC", start.utc("%H:%M"))
}

/// What stands under a point on the axis: `14:00`, and the date where an hour begins a day; `27 Nov`; `Nov`, and the year with January.
pub(super) fn tick(start: Timestamp, span: Granularity) -> String {
    match span {
        Granularity::Hour if start.millis() % DAY_MS == 0 => start.utc("%-d %b"),
        Granularity::Hour => start.utc("%H:%M"),
        Granularity::Day => start.utc("%-d %b"),
        Granularity::Month if start.utc("%m") == "01" => start.utc("%b %Y"),
        Granularity::Month => start.utc("%b"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn windows_are_named_in_utc() {
        let t = at("2026-11-27T14:09:33Z");
        assert_eq!(point(t, Granularity::Hour), "27 Nov 2026, 14:00–15:00 UTC");
        assert_eq!(point(t, Granularity::Day), "27 Nov 2026");
        assert_eq!(point(t, Granularity::Month), "November 2026");
        assert_eq!(hour_window(at("2026-11-27T23:59:59Z")), "23:00–24:00 UTC");
    }

    #[test]
    fn the_axis_names_the_day_where_one_begins_and_the_year_with_january() {
        assert_eq!(tick(at("2026-11-27T14:00:00Z"), Granularity::Hour), "14:00");
        assert_eq!(
            tick(at("2026-11-27T00:00:00Z"), Granularity::Hour),
            "27 Nov"
        );
        assert_eq!(tick(at("2026-11-27T00:00:00Z"), Granularity::Day), "27 Nov");
        assert_eq!(tick(at("2026-12-01T00:00:00Z"), Granularity::Month), "Dec");
        assert_eq!(
            tick(at("2027-01-01T00:00:00Z"), Granularity::Month),
            "Jan 2027"
        );
    }
}
