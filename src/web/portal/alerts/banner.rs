//! The line at the top of every page while a quota has reached a mark, or is used up; never a message that is sent.

use maud::{Markup, html};

use crate::alerts::model::{UsageMark, Window};
use crate::base::clock::Timestamp;
use crate::web::portal::table;
use crate::web::portal::ui::{self, Tone};

/// The line, where there is something to say.
pub(in crate::web::portal) fn banner(mark: Option<&UsageMark>, now: Timestamp) -> Markup {
    let Some(mark) = mark else {
        return html! {};
    };
    let window = match mark.window {
        Window::Hour => "hour",
        Window::Month => "month",
    };
    let (tone, text) = if mark.percent >= 100 {
        let text =
            format!("This {window}'s quota is used up: requests are refused with 429. It resets ");
        (Tone::Bad, text)
    } else {
        let share = u128::from(mark.used) * 100 / u128::from(mark.limit.max(1));
        let text = format!("{share} % of this {window}'s quota is used. It resets ");
        (Tone::Warn, text)
    };
    let body = html! {
        (text) (ui::until(mark.resets_at, now)) "."
        @if table::has("/usage") { " " a href="/usage" { "See usage" } }
    };
    html! { div.banner { (ui::notice(tone, &body)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(percent: u32, used: u64, window: Window) -> String {
        let mark = UsageMark {
            window,
            percent,
            used,
            limit: 1_000,
            resets_at: Timestamp::from_secs(1_800_000_000),
        };
        banner(Some(&mark), Timestamp::from_secs(1_799_996_400)).into_string()
    }

    #[test]
    fn the_banner_says_how_much_of_which_window_and_until_when() {
        let near = text(80, 857, Window::Month);
        assert!(
            near.contains("85 % of this month's quota is used"),
            "{near}"
        );
        assert!(near.contains("role=\"status\""), "{near}");
        assert!(near.contains("It resets in 1 hour ("), "{near}");
        assert!(near.contains("datetime=\"2027-01-15T08:00:00Z\""), "{near}");
        let full = text(100, 1_000, Window::Hour);
        assert!(full.contains("This hour's quota is used up"), "{full}");
        assert_eq!(banner(None, Timestamp::default()).into_string(), "");
    }
}
