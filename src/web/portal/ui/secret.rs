//! A secret in the one page that shows it, and the button that copies; never a secret that was shown before.

use maud::{Markup, html};

use super::feedback::{Tone, notice};
use super::icon::{Icon, icon};
use crate::base::secret::Secret;

/// A button that copies what stands beside it; copy.mjs shows it and does it. `label` is its name for those who cannot see.
pub fn copy_button(label: &str) -> Markup {
    html! {
        button.copy type="button" hidden data-copy aria-label=(label) {
            (icon(Icon::Copy))
            span data-copy-text { "Copy" }
        }
    }
}

/// A secret, in letters that are told apart, with what there is to know about it. `label` names it.
pub fn secret_once(label: &str, secret: &Secret) -> Markup {
    html! {
        div.secret {
            p.label { (label) }
            div.code {
                code.secret-text data-copy-from tabindex="0" role="textbox" aria-readonly="true" aria-label=(label) {
                    (secret.expose())
                }
                (copy_button(&format!("Copy: {label}")))
            }
            (notice(Tone::Warn, &html! { strong { "This is shown once." } " Copy it now and keep it where only your program reads it." }))
        }
    }
}
