//! How much of a quota is used, as a bar with its window and the instant of its end; never how it is counted.

use maud::{Markup, html};

use crate::base::clock::Timestamp;
use crate::limits::UsedQuota;
use crate::web::portal::chart::number::{grouped, share};
use crate::web::portal::chart::when;
use crate::web::portal::ui;

/// Per cent of a quota from which a reader should look up.
const SOON_PERCENT: u128 = 80;

/// How near the end of a quota is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Plenty,
    Soon,
    UsedUp,
}

impl Level {
    fn of(used: u64, limit: u64) -> Self {
        if used >= limit {
            Self::UsedUp
        } else if u128::from(used) * 100 >= u128::from(limit) * SOON_PERCENT {
            Self::Soon
        } else {
            Self::Plenty
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Plenty => "plenty",
            Self::Soon => "warn",
            Self::UsedUp => "bad",
        }
    }
}

/// The hour that `now` lies in.
pub(super) fn hour(quota: &UsedQuota, now: Timestamp) -> Markup {
    let resets = html! {
        "Resets " (ui::time(quota.resets_at))
    };
    let window = format!("Hour {}", when::hour_window(now));
    card("This hour", quota, &window, &resets)
}

/// The month that `now` lies in.
pub(super) fn month(quota: &UsedQuota, now: Timestamp) -> Markup {
    let resets = html! {
        "Resets " (ui::time(quota.resets_at))
    };
    let window = format!("{} (UTC)", when::month(now));
    card("This month", quota, &window, &resets)
}

fn card(name: &str, quota: &UsedQuota, window: &str, resets: &Markup) -> Markup {
    let used = grouped(quota.used.into());
    html! {
        section.card.quota {
            div.quota-head {
                h2 { (name) }
                span.muted { (window) }
            }
            @match quota.limit {
                None => {
                    p.quota-used { strong { (used) } " requests" }
                    p.quota-foot { "No limit" span.muted { (resets) } }
                },
                Some(limit) => (limited(name, quota.used, limit, resets)),
            }
        }
    }
}

fn limited(name: &str, used: u64, limit: u64, resets: &Markup) -> Markup {
    let level = Level::of(used, limit);
    let (of, all) = (u128::from(used), u128::from(limit));
    // A bar is not longer than its frame, however far a change of plan left the limit behind.
    let shown = used.min(limit);
    let left = grouped(u128::from(limit - shown));
    html! {
        p.quota-used {
            strong { (grouped(of)) }
            " of " (grouped(all)) " requests"
            span.quota-share.(level.class()) { (share(of, all)) }
        }
        div.meter.(level.class()) role="meter" aria-label={ (name) ": requests used" }
            aria-valuemin="0" aria-valuemax=(limit) aria-valuenow=(shown)
            aria-valuetext={ (grouped(of)) " of " (grouped(all)) } {
            svg width="100%" height="8" aria-hidden="true" {
                rect.track width="100%" height="8" {}
                rect.fill width=(width(shown, limit)) height="8" {}
            }
        }
        p.quota-foot {
            @match level {
                Level::UsedUp => strong.bad { "Used up. Further requests are rejected." },
                Level::Soon => strong.warn { (left) " left" },
                Level::Plenty => span { (left) " left" },
            }
            span.muted { (resets) }
        }
    }
}

/// Width of the bar: never nothing where something was used.
fn width(used: u64, limit: u64) -> String {
    let (used, limit) = (u128::from(used), u128::from(limit));
    let hundredths = (used * 10_000).checked_div(limit).unwrap_or(10_000);
    let hundredths = hundredths.max(u128::from(used > 0) * 50).min(10_000);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(used: u64, limit: Option<u64>) -> UsedQuota {
        UsedQuota {
            used,
            limit,
            resets_at: Timestamp::parse("2026-11-27T15:00:00Z").unwrap(),
        }
    }

    fn shown(used: u64, limit: Option<u64>) -> String {
        let now = Timestamp::parse("2026-11-27T14:09:00Z").unwrap();
        hour(&quota(used, limit), now).into_string()
    }

    #[test]
    fn a_quota_says_what_is_used_what_is_left_and_when_it_ends() {
        let text = shown(1_204, Some(10_000));
        for part in [
            "<strong>1,204</strong> of 10,000 requests",
            ">12%<",
            "8,796 left",
            "Hour 14:00–15:00 UTC",
            "datetime=\"2026-11-27T15:00:00Z\"",
            "aria-valuenow=\"1204\"",
            "width=\"12.04%\"",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }

    #[test]
    fn the_end_is_told_by_words_too() {
        assert!(shown(7_999, Some(10_000)).contains("meter plenty"));
        assert!(shown(8_000, Some(10_000)).contains("<strong class=\"warn\">2,000 left"));
        assert!(shown(10_000, Some(10_000)).contains("Used up"));
        assert!(shown(12_000, Some(10_000)).contains("width=\"100.00%\""));
        assert!(shown(5, None).contains("No limit"));
    }

    #[test]
    fn bars_of_extreme_numbers_stay_within_their_frame() {
        assert_eq!(width(0, 0), "100.00%");
        assert_eq!(width(0, 10), "0.00%");
        assert_eq!(width(1, u64::MAX), "0.50%");
        assert_eq!(width(u64::MAX, u64::MAX), "100.00%");
    }
}
