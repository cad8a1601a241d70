//! Buttons, and links that look like them; never what they do.

use maud::{Markup, html};

/// How much a button is meant to be pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The one thing a page is for.
    Primary,
    /// What may be done as well.
    Secondary,
    /// What cannot be undone.
    Danger,
    /// What should not draw the eye.
    Quiet,
}

impl Kind {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Primary => "button primary",
            Self::Secondary => "button",
            Self::Danger => "button danger",
            Self::Quiet => "button quiet",
        }
    }
}

/// Sends the form that it is in.
pub fn button(kind: Kind, text: &str) -> Markup {
    html! { button type="submit" class=(kind.class()) { (text) } }
}

/// Sends the form that it is in, and says so with a field of its own.
pub fn named_button(kind: Kind, name: &str, value: &str, text: &str) -> Markup {
    html! { button type="submit" class=(kind.class()) name=(name) value=(value) { (text) } }
}

/// Leads to another page.
pub fn link_button(kind: Kind, href: &str, text: &str) -> Markup {
    html! { a class=(kind.class()) href=(href) { (text) } }
}
