//! What pages of the documentation are made of beside the portal's own components; never what a page is about.

pub(crate) mod code;
pub(crate) mod fields;
pub(crate) mod frame;
pub(crate) mod nav;

use maud::{Markup, html};

/// A method as a coloured word.
pub(crate) fn method(method: &http::Method) -> Markup {
    let name = method.as_str();
    html! { span class={ "method " (name.to_ascii_lowercase()) } { (name) } }
}

/// A status as a coloured word.
pub(crate) fn status(status: &str) -> Markup {
    let tone = match status.as_bytes().first() {
        Some(b'2') => "ok",
        Some(b'3') => "info",
        Some(b'4') => "warn",
        Some(b'5') => "bad",
        _ => "neutral",
    };
    html! { span class={ "badge " (tone) } { (status) } }
}

/// A path whose names of parameters stand out.
pub(crate) fn path(path: &str) -> Markup {
    html! {
        code.path {
            @for (n, part) in path.split('/').enumerate() {
                // Long paths break at their slashes only.
                @if n > 0 { wbr; "/" }
                @if part.starts_with('{') { span.param { (part) } } @else { (part) }
            }
        }
    }
}
