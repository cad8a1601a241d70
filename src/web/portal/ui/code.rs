//! Blocks of code, alone or with a tab for each language; never how the code is made.

use maud::{Markup, Render, html};

use super::secret::copy_button;

/// One language of a block.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What its tab says; the documentation and the simulator call a language the same, so that a choice holds for both.
    pub label: &'static str,
    /// The code, with marks or without.
    pub code: Markup,
}

/// One block with a button that copies it. `label` says what it is, for those who cannot see it; the code may have marks.
pub fn code_block(label: &str, code: &(impl Render + ?Sized)) -> Markup {
    html! {
        div.code {
            pre tabindex="0" role="region" aria-label=(label) { code data-copy-from { (code) } }
            (copy_button(&format!("Copy: {label}")))
        }
    }
}

/// A block for each language behind a tab. The tabs are radio buttons, so that they work without a script; `id` is the
/// group's own on its page, and samples.mjs remembers the choice.
pub fn samples(id: &str, label: &str, all: &[Sample]) -> Markup {
    html! {
        fieldset.samples data-samples {
            legend.hidden { (label) }
            @for (n, sample) in all.iter().enumerate() {
                input type="radio" name=(id) id={ (id) "-" (n) } checked[n == 0] data-language=(sample.label);
                label for={ (id) "-" (n) } { (sample.label) }
            }
            @for sample in all {
                (code_block(&format!("{label}, {}", sample.label), &sample.code))
            }
        }
    }
}
