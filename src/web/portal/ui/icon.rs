//! The dozen icons of the portal, drawn here; never one that says what no word says.

use maud::{Markup, PreEscaped, html};

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// The portal's own mark.
    Mark,
    /// The overview.
    Home,
    /// Keys.
    Key,
    /// Usage.
    Chart,
    /// Alerts.
    Bell,
    /// Webhooks.
    Hook,
    /// Deliveries.
    Send,
    /// The simulator.
    Play,
    /// Documentation.
    Book,
    /// Done.
    Check,
    /// To be looked at.
    Alert,
    /// To be known.
    Info,
    /// To copy.
    Copy,
    /// Nothing inside.
    Box,
    /// The menu.
    Menu,
    /// Light or dark.
    Theme,
    /// To sign out.
    Out,
}

impl Icon {
    /// What is drawn, on 16 by 16.
    const fn drawing(self) -> &'static str {
        match self {
            Self::Mark => {
                "<path d='M2.5 12.5a6 6 0 1 1 11 0'/><path d='M8 10.5 11 6'/><circle cx='8' cy='10.8' r='1.2'/>"
            }
            Self::Home => "<path d='M2.5 7.2 8 2.8l5.5 4.4v6h-3.8V9.5H6.3v3.7H2.5z'/>",
            Self::Key => {
                "<circle cx='5.2' cy='10.8' r='2.7'/><path d='m7.2 8.8 6-6M10.6 5.4l2 2'/>"
            }
            Self::Chart => "<path d='M2.5 13.5h11M4.2 13v-4M8 13V3.5M11.8 13V6.5'/>",
            Self::Bell => {
                "<path d='M4 11V7.2a4 4 0 0 1 8 0V11l1.2 1.3H2.8zM6.6 12.5a1.5 1.5 0 0 0 2.8 0'/>"
            }
            Self::Hook => {
                "<circle cx='8' cy='4.4' r='2'/><circle cx='3.9' cy='11.6' r='2'/><circle cx='12.1' cy='11.6' r='2'/><path d='M7 6.2 4.9 9.8M9 6.2l2.1 3.6M5.9 11.6h4.2'/>"
            }
            Self::Send => "<path d='M13.5 2.5 7 9M13.5 2.5 9.3 13.5 7 9 2.5 6.7z'/>",
            Self::Play => "<circle cx='8' cy='8' r='5.7'/><path d='M6.7 5.7 10.3 8l-3.6 2.3z'/>",
            Self::Book => {
                "<path d='M8 4.2C6.6 3.2 4.8 2.9 2.5 3v9c2.3-.1 4.1.2 5.5 1.2 1.4-1 3.2-1.3 5.5-1.2V3C11.2 2.9 9.4 3.2 8 4.2zM8 4.2v9'/>"
            }
            Self::Check => "<circle cx='8' cy='8' r='5.7'/><path d='m5.5 8.2 1.8 1.8 3.3-3.7'/>",
            Self::Alert => "<path d='M8 2.6 14 13H2z'/><path d='M8 6.6v3M8 11.2v.2'/>",
            Self::Info => "<circle cx='8' cy='8' r='5.7'/><path d='M8 7.4v3.4M8 5.2v.2'/>",
            Self::Copy => {
                "<rect x='5.5' y='5.5' width='8' height='8' rx='1.5'/><path d='M10.5 5.5V4A1.5 1.5 0 0 0 9 2.5H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.5h1.5'/>"
            }
            Self::Box => {
                "<path d='M2.5 5 8 2.5 13.5 5v6L8 13.5 2.5 11zM2.5 5 8 7.5 13.5 5M8 7.5v6'/>"
            }
            Self::Menu => "<path d='M2.5 4.5h11M2.5 8h11M2.5 11.5h11'/>",
            Self::Theme => {
                "<circle cx='8' cy='8' r='5.5'/><path d='M8 2.5a5.5 5.5 0 0 1 0 11z' fill='currentColor'/>"
            }
            Self::Out => "<path d='M6.5 2.8H3v10.4h3.5M10 5l3 3-3 3M13 8H6'/>",
        }
    }
}

/// An icon beside a word.
pub fn icon(which: Icon) -> Markup {
    html! {
        svg.icon viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor" stroke-width="1.4"
            stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false" {
            (PreEscaped(which.drawing()))
        }
    }
}

/// The icon of the portal as a file.
pub(in crate::web::portal) fn file() -> String {
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16' fill='none' stroke='#3d4fd1' stroke-width='1.6' \
         stroke-linecap='round' stroke-linejoin='round'>{}</svg>",
        Icon::Mark.drawing()
    )
}
