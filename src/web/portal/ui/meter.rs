//! How much of a limit is used, as a bar with its numbers; never how much it was.

use maud::{Markup, html};

use super::value::number;

/// Per cent from which a bar warns.
const WARN: u64 = 80;

/// A bar of `used` of `limit`; only the number where there is no limit. `label` is its name for those who cannot see it.
pub fn meter(label: &str, used: u64, limit: Option<u64>) -> Markup {
    let Some(limit) = limit else {
        return html! { p.meter-text { (number(used)) " of unlimited" } };
    };
    let percent = percent(used, limit);
    let tone = match percent {
        100.. => "meter bad",
        WARN.. => "meter warn",
        _ => "meter",
    };
    html! {
        div class=(tone) role="meter" aria-label=(label) aria-valuemin="0" aria-valuemax=(limit) aria-valuenow=(used.min(limit))
            aria-valuetext={ (used) " of " (limit) } {
            svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                rect.track width="100" height="4" {}
                rect.fill width=(percent.min(100)) height="4" {}
            }
        }
        p.meter-text { strong { (number(used)) } " of " (number(limit)) span.muted { " · " (percent) " %" } }
    }
}

/// Whole per cent, rounded down; all of it where there is nothing to use.
fn percent(used: u64, limit: u64) -> u64 {
    let whole = u128::from(used) * 100;
    let percent = whole.checked_div(u128::from(limit)).unwrap_or(100);
    u64::try_from(percent).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn per_cent_never_overflow_and_nothing_of_nothing_is_all() {
        for (used, limit, wanted) in [
            (0, 10, 0),
            (79, 100, 79),
            (10, 10, 100),
            (0, 0, 100),
            (u64::MAX, u64::MAX, 100),
            (5, 2, 250),
        ] {
            assert_eq!(percent(used, limit), wanted);
        }
        assert!(percent(u64::MAX, 1) > 100);
    }
}
