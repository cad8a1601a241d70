//! Blocks of coloured code, alone or with a tab for each language; never how the code is made.

use maud::{Markup, html};
use serde_json::Value;

use crate::web::docs::highlight::{Language, colored, pretty};
use crate::web::docs::samples::Sample;
use crate::web::portal::ui;

/// A block with a button that copies it. `label` says what it is, for those who cannot see it.
pub(crate) fn block(label: &str, code: &str, language: Language) -> Markup {
    ui::code_block(label, &colored(code, language))
}

/// A value as a block of JSON.
pub(crate) fn json(label: &str, value: &Value) -> Markup {
    block(label, &pretty(value), Language::Json)
}

/// A block for each language behind a tab; `id` is the group's own on its page.
pub(crate) fn samples(id: &str, label: &str, all: &[Sample]) -> Markup {
    let colored = |s: &Sample| ui::Sample {
        label: s.title,
        code: colored(&s.code, s.language),
    };
    let all: Vec<_> = all.iter().map(colored).collect();
    ui::samples(id, label, &all)
}

/// Examples of one thing, each with what it shows.
pub(crate) fn examples(label: &str, all: &[(String, Value)]) -> Markup {
    html! {
        @for (title, value) in all {
            @if !title.is_empty() { p.example-title { (title) } }
            (json(&if title.is_empty() { label.to_owned() } else { format!("{label}: {title}") }, value))
        }
    }
}
