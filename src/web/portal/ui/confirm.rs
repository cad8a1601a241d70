//! The page that asks once more before something that cannot be undone; never a dialog of the browser's.

use maud::{Markup, html};

use super::button::{Kind, button, link_button};
use super::form::form;
use super::layout::{card, head};

/// What is asked.
#[derive(Debug)]
pub struct Confirm<'a> {
    /// What forms of the session carry.
    pub csrf: &'a str,
    /// The question.
    pub title: &'a str,
    /// What will come of it.
    pub text: Markup,
    /// Fields to be filled in beside the question; may be empty.
    pub fields: Markup,
    /// Where the answer goes.
    pub action: &'a str,
    /// What the button says.
    pub button: &'a str,
    /// Whether it cannot be undone.
    pub is_final: bool,
    /// Where one goes who does not.
    pub back: &'a str,
}

/// The content of that page.
pub fn confirm(c: &Confirm<'_>) -> Markup {
    let kind = if c.is_final {
        Kind::Danger
    } else {
        Kind::Primary
    };
    html! {
        (head(c.title, None, None))
        (card(None, &form(c.csrf, c.action, &html! {
            (c.text)
            (c.fields)
            p.actions {
                (button(kind, c.button))
                (link_button(Kind::Secondary, c.back, "Cancel"))
            }
        })))
    }
}
