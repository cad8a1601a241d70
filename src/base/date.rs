//! Instants as calendars and HTTP write them, in UTC, beside the RFC 3339 of the clock; never another zone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::clock::Timestamp;

impl Timestamp {
    /// The instant in a form of `strftime`, in UTC: months and weekdays have English names. What cannot be written so gives
    /// the instant in RFC 3339: an unknown form, or the very last day of the year 9999.
    pub fn utc(self, form: &str) -> String {
        let Ok(instant) = jiff::Timestamp::from_millisecond(self.millis()) else {
            return self.to_string();
        };
        let civil = jiff::tz::Offset::UTC.to_datetime(instant);
        jiff::fmt::strtime::format(form, civil).unwrap_or_else(|_| self.to_string())
    }

    /// The UTC day: `27 Nov 2026`.
    pub fn day(self) -> String {
        self.utc("%-d %b %Y")
    }

    /// Reads a UTC day (`2026-12-01`), which is the instant that it begins at, or an instant in RFC 3339.
    ///
    /// # Errors
    /// A sentence that says what was expected, fit to show to whoever wrote the text.
    pub fn parse_day(text: &str) -> Result<Self, String> {
        Self::parse(text)
            .or_else(|_| Self::parse(&format!("{text}T00:00:00Z")))
            .map_err(|_| {
                "expected a date such as 2026-12-01 or an instant such as 2026-12-01T00:00:00Z"
                    .to_owned()
            })
    }

    /// As the machine's libraries have it.
    pub fn system_time(self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.millis().unsigned_abs())
    }

    /// An HTTP date (RFC 9110 section 5.6.7), to the second.
    pub fn http_date(self) -> String {
        httpdate::fmt_http_date(self.system_time())
    }

    /// Reads an HTTP date in any of its three forms; `None` where it is none.
    pub fn parse_http_date(text: &str) -> Option<Self> {
        let at = httpdate::parse_http_date(text).ok()?;
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(Self::from_millis(0).plus(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn instants_are_written_in_utc_and_in_english() {
        let t = at("2026-11-07T23:09:59.123-02:00");
        assert_eq!(
            t.utc("%A, %-d %B %Y, %H:%M"),
            "Sunday, 8 November 2026, 01:09"
        );
        assert_eq!(t.day(), "8 Nov 2026");
        assert_eq!(t.utc("%Q"), t.to_string());
        assert_eq!(at("9999-12-29T23:00:00Z").day(), "29 Dec 9999");
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.day(), last.to_string());
    }

    #[test]
    fn a_day_is_read_as_its_beginning() {
        let day = at("2026-12-01T00:00:00Z");
        assert_eq!(Timestamp::parse_day("2026-12-01"), Ok(day));
        assert_eq!(Timestamp::parse_day("2026-12-01T01:00:00+01:00"), Ok(day));
        for bad in ["", "2026-12", "2026-02-30", "1 Dec 2026"] {
            let error = Timestamp::parse_day(bad).unwrap_err();
            assert!(error.starts_with("expected a date such as"), "{error}");
        }
    }

    #[test]
    fn http_dates_go_there_and_back() {
        let t = at("1994-11-06T08:49:37Z");
        assert_eq!(t.http_date(), "Sun, 06 Nov 1994 08:49:37 GMT");
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(Timestamp::parse_http_date(text), Some(t), "{text}");
        }
        assert_eq!(Timestamp::parse_http_date("1994-11-06"), None);
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.http_date(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
