//! Blocks of coloured code, alone or with a tab for each language; never how the code is made.

use maud::{Markup, html};
use serde_json::Value;

use crate::web::docs::highlight::{Language, colored, pretty};
use crate::web::docs::samples::Sample;
use crate::web::portal::ui;

/// A block with a button that copies it. `label` says what it is, for those who cannot see it.
pub(crate) fn block(label: &str, code: &str, language: Language) -> Markup {
    html! {
        div.code {
            pre tabindex="0" role="region" aria-label=(label) {
                code data-copy-from { (colored(code, language)) }
            }
            (ui::copy_button(&format!("Copy: {label}")))
        }
    }
}

/// A value as a block of JSON.
pub(crate) fn json(label: &str, value: &Value) -> Markup {
    block(label, &pretty(value), Language::Json)
}

/// A block for each language behind a tab. The tabs are radio buttons, so that they work without a script; `id` is the
/// group's own on its page, and samples.mjs remembers the choice.
pub(crate) fn samples(id: &str, label: &str, all: &[Sample]) -> Markup {
    html! {
        fieldset.samples data-samples {
            legend.hidden { (label) }
            @for (n, sample) in all.iter().enumerate() {
                input type="radio" name=(id) id={ (id) "-" (n) } checked[n == 0] data-language=(sample.name);
                label for={ (id) "-" (n) } { (sample.title) }
            }
            @for sample in all {
                (block(&format!("{label}, {}", sample.title), &sample.code, sample.language))
            }
        }
    }
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
