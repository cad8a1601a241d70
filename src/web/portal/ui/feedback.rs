//! Badges, notices and what stands where there is nothing; each says in words what its colour says.

use maud::{Markup, html};

use super::icon::{Icon, icon};
use crate::web::portal::form::Query;

/// What something means for its reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing in particular.
    Neutral,
    /// Good.
    Ok,
    /// To be looked at.
    Warn,
    /// Bad.
    Bad,
    /// To be known.
    Info,
}

impl Tone {
    const fn class(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Info => "info",
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::Ok => Icon::Check,
            Self::Warn | Self::Bad => Icon::Alert,
            Self::Neutral | Self::Info => Icon::Info,
        }
    }
}

/// A word about a state.
pub fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class={ "badge " (tone.class()) } { (text) } }
}

/// Something to be told at the top of a page or a form.
pub fn notice(tone: Tone, body: &Markup) -> Markup {
    let role = if tone == Tone::Bad { "alert" } else { "status" };
    html! {
        div class={ "notice " (tone.class()) } role=(role) {
            (icon(tone.icon()))
            div { (body) }
        }
    }
}

/// What a form did, where `done` in the query is one of these words; nothing otherwise.
pub fn done(query: &Query, words: &[(&str, &str)]) -> Markup {
    let said = query.0.one("done").ok().flatten();
    let text = words.iter().find(|(word, _)| Some(*word) == said);
    html! { @if let Some((_, text)) = text { (notice(Tone::Ok, &html! { (text) })) } }
}

/// What stands where there is nothing yet: a sentence, and what to do about it.
pub fn empty(title: &str, text: &str, action: Option<&Markup>) -> Markup {
    html! {
        div.empty {
            (icon(Icon::Box))
            h2 { (title) }
            p { (text) }
            @if let Some(action) = action { p.actions { (action) } }
        }
    }
}
