//! Forms with what each must carry, and the list of what is wrong at their top; never fields of a form.

use maud::{Markup, html};

use crate::base::error::FieldError;
use crate::web::portal::form::CSRF;

/// A form of a session.
pub fn form(csrf: &str, action: &str, body: &Markup) -> Markup {
    html! {
        form method="post" action=(action) {
            input type="hidden" name=(CSRF) value=(csrf);
            (body)
        }
    }
}

/// A form for who is not signed in.
pub fn open_form(action: &str, body: &Markup) -> Markup {
    html! { form method="post" action=(action) { (body) } }
}

/// A form that asks for a page and changes nothing.
pub fn get_form(action: &str, body: &Markup) -> Markup {
    html! { form method="get" action=(action) { (body) } }
}

/// A field that is not seen.
pub fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// What is wrong with one field, where something is.
pub fn error_of<'e>(errors: &'e [FieldError], name: &str) -> Option<&'e str> {
    errors
        .iter()
        // `scopes[1]` is about the field `scopes`.
        .find(|e| e.field.split(['[', '.']).next() == Some(name))
        .map(|e| e.message.as_str())
}

/// What is wrong, at the top of a form: links to the fields, in the focus when the page opens. `names` are the fields as the
/// form has them, each with what it is called.
pub fn error_summary(errors: &[FieldError], names: &[(&str, &str)]) -> Markup {
    html! {
        @if !errors.is_empty() {
            div.notice.bad.summary role="alert" tabindex="-1" autofocus {
                (super::icon(super::Icon::Alert))
                div {
                    p { strong { "This needs another look" } }
                    ul {
                        @for e in errors {
                            @let name = e.field.split(['[', '.']).next().unwrap_or_default();
                            li {
                                @match names.iter().find(|(n, _)| *n == name) {
                                    Some((n, label)) => a href={ "#f-" (n) } { (label) ": " (e.message) },
                                    None => (e.message),
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
