//! The e-mail that tells an alert: subject, plain text and a minimal page of the same words; never how it is sent.

use super::model::{KeyMark, Mail, Matter, Recipient, UsageMark, Window};
use crate::base::clock::Timestamp;
use crate::base::number::grouped;

/// Most characters of a name that a message repeats.
const NAME_SHOWN: usize = 60;

/// An e-mail as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The message's id: a message that is sent twice is the same to whoever gets both.
    pub id: String,
    /// The address.
    pub to: String,
    /// When it was written.
    pub at: Timestamp,
    /// The subject: one line.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same as HTML.
    pub html: String,
}

/// Writes the e-mail of a message; `None` for one that is not for an address. `portal` is the portal's public address.
pub fn render(mail: &Mail, portal: &str) -> Option<Rendered> {
    let Recipient::Email(to) = &mail.to else {
        return None;
    };
    let letter = match &mail.matter {
        Matter::Usage(mark) => usage(&mail.account_id, mark, portal),
        Matter::KeyExpiring(mark) => key(&mail.account_id, mark, portal),
    };
    Some(Rendered {
        id: mail.id.clone(),
        to: to.clone(),
        at: mail.at,
        text: letter.text(portal),
        html: letter.html(portal),
        subject: letter.subject,
    })
}

/// The parts that text and page have in common.
struct Letter {
    subject: String,
    paragraphs: Vec<String>,
    /// What to do now, and where.
    action: (&'static str, String),
}

fn usage(account: &str, mark: &UsageMark, portal: &str) -> Letter {
    let (window, started) = match mark.window {
        Window::Hour => ("hour", "the hour"),
        Window::Month => ("month", "the month"),
    };
    let percent = mark.percent;
    let subject = if percent >= 100 {
        format!("API usage: the quota of this {window} is used up")
    } else {
        format!("API usage: {percent} % of this {window}'s quota is used")
    };
    let ends = when(mark.resets_at);
    let then = if mark.used >= mark.limit {
        format!(
            "Further requests are refused with status 429 and code quota_exceeded until {ends}."
        )
    } else {
        format!(
            "Once the quota is used up, requests are refused with status 429 and code quota_exceeded until {ends}."
        )
    };
    Letter {
        subject,
        paragraphs: vec![
            format!(
                "Account {account} has used {} of the {} requests of {started} that ends at {ends}: the alert at {percent} % was reached.",
                grouped(mark.used.into()),
                grouped(mark.limit.into()),
            ),
            then,
        ],
        action: ("See usage", format!("{portal}/usage")),
    }
}

fn key(account: &str, mark: &KeyMark, portal: &str) -> Letter {
    let name = plain(&mark.name);
    let days = match mark.days {
        1 => "1 day".to_owned(),
        n => format!("{n} days"),
    };
    Letter {
        subject: format!("API key \u{201c}{name}\u{201d} expires in {days} or less"),
        paragraphs: vec![
            format!(
                "The API key \u{201c}{name}\u{201d} ({}\u{2026}{}) of account {account} expires at {}.",
                plain(&mark.prefix),
                plain(&mark.last_four),
                when(mark.expires_at),
            ),
            "After that, requests with it are refused with status 401. Make a new key and move to it before then."
                .to_owned(),
        ],
        action: ("See the key", format!("{portal}/keys/{}", mark.key_id)),
    }
}

impl Letter {
    const FOOT: &'static str =
        "You get this message because your address is in the alerts of this account.";

    fn text(&self, portal: &str) -> String {
        let mut out = self.paragraphs.join("\n\n");
        let (action, url) = &self.action;
        out.push_str(&format!(
            "\n\n{action}: {url}\n\n--\n{}\nChange alerts: {portal}/alerts\n",
            Self::FOOT
        ));
        out
    }

    fn html(&self, portal: &str) -> String {
        let paragraphs: String = self
            .paragraphs
            .iter()
            .map(|p| format!("<p>{}</p>\n", escaped(p)))
            .collect();
        let (action, url) = &self.action;
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n<body>\n{paragraphs}<p><a href=\"{}\">{action}</a></p>\n<hr>\n<p><small>{} <a href=\"{}\">Change alerts</a></small></p>\n</body>\n</html>\n",
            escaped(&self.subject),
            escaped(url),
            Self::FOOT,
            escaped(&format!("{portal}/alerts")),
        )
    }
}

/// Text of a customer's in one line: without what ends a line, hides, or turns the direction of what follows; cut where it
/// is long.
fn plain(text: &str) -> String {
    let mut shown = text.chars().filter_map(|c| match c {
        '\u{2028}' | '\u{2029}' => Some(' '),
        c if c.is_control() => Some(' '),
        '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}' => None,
        c => Some(c),
    });
    let mut out: String = shown.by_ref().take(NAME_SHOWN).collect();
    if shown.next().is_some() {
        out.push('\u{2026}');
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `2026-11-27 15:00 UTC`.
fn when(at: Timestamp) -> String {
    at.utc("%Y-%m-%d %H:%M UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::testing::{NOW, key_mark, usage_mark};

    const PORTAL: &str = "https://dev.example.com";

    fn sent(matter: Matter) -> Rendered {
        let to = Recipient::Email("dev@example.com".to_owned());
        render(&Mail::new("acct_1", to, matter, NOW), PORTAL).unwrap()
    }

    #[test]
    fn a_usage_mail_says_how_much_of_which_window_until_when() {
        let mut mark = usage_mark(Window::Month, 80, 8_012);
        (mark.limit, mark.resets_at) = (10_000, Timestamp::parse("2026-12-01T00:00:00Z").unwrap());
        let mail = sent(Matter::Usage(mark.clone()));
        assert_eq!(
            mail.subject,
            "API usage: 80 % of this month's quota is used"
        );
        for part in [
            "Account acct_1 has used 8,012 of the 10,000 requests of the month that ends at 2026-12-01 00:00 UTC",
            "Once the quota is used up, requests are refused with status 429",
            "See usage: https://dev.example.com/usage\n",
            "Change alerts: https://dev.example.com/alerts\n",
        ] {
            assert!(mail.text.contains(part), "{part}: {}", mail.text);
        }
        assert!(
            mail.html
                .contains("<a href=\"https://dev.example.com/usage\">")
        );
        (mark.percent, mark.used) = (100, 10_000);
        let mail = sent(Matter::Usage(mark));
        assert_eq!(
            mail.subject,
            "API usage: the quota of this month is used up"
        );
        assert!(mail.text.contains("Further requests are refused"));
    }

    #[test]
    fn a_key_mail_names_the_key_and_never_more_of_its_secret_than_listings_do() {
        let mail = sent(Matter::KeyExpiring(key_mark(1)));
        assert_eq!(mail.subject, "API key “Billing” expires in 1 day or less");
        assert!(
            mail.text
                .contains("“Billing” (lf_live…abcd) of account acct_1")
        );
        assert!(mail.text.contains("https://dev.example.com/keys/key_1"));
    }

    #[test]
    fn a_name_cannot_break_out_of_the_line_or_the_page() {
        let mut mark = key_mark(7);
        mark.name =
            "a\r\nBcc: x@example.com\u{2028}\u{202e}\"><script>alert(1)</script>".to_owned();
        let mail = sent(Matter::KeyExpiring(mark.clone()));
        assert!(!mail.subject.contains(['\r', '\n', '\u{202e}', '\u{2028}']));
        assert!(mail.subject.contains("a  Bcc: x@example.com"));
        assert!(!mail.html.contains("<script"), "{}", mail.html);
        assert!(mail.html.contains("&lt;script&gt;"));
        mark.name = "é".repeat(500);
        let subject = sent(Matter::KeyExpiring(mark)).subject;
        assert!(subject.chars().count() < 100, "{subject}");
    }

    #[test]
    fn what_is_for_webhooks_is_no_e_mail() {
        let mail = Mail::new(
            "a",
            Recipient::Webhooks,
            Matter::KeyExpiring(key_mark(1)),
            NOW,
        );
        assert_eq!(render(&mail, PORTAL), None);
    }
}
