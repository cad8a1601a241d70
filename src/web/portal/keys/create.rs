//! `POST /keys`: makes a key and shows its secret, in this answer and in no other.

use http::StatusCode;
use maud::{Markup, html};

use super::curl;
use super::draft::{Draft, Step};
use super::{new, parts};
use crate::base::audit::IdempotentAnswer;
use crate::base::error::FieldError;
use crate::keys::service::Made;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::own::once::{self, Once};
use crate::web::portal::refuse::PageError;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Kind};

pub(super) async fn create(own: Own, form: FormData) -> PageResult {
    let draft = Draft::read(&form)?;
    let sent = form.text("once")?;
    let (step, error) = draft.step(Step::Review, &own.config().scopes);
    let (Some(key), None) = (draft.new_key(own.account_id()), &error) else {
        let errors: Vec<FieldError> = error.into_iter().collect();
        return Ok(new::page(&own, &draft, step, &errors, sent));
    };
    match own.create_key(&key, sent).await {
        Ok(Once::Made(made)) => Ok(shown(&own, "Key generated", &made, &html! {})),
        Ok(Once::Before(before)) => Ok(self::before(&own, &before)),
        Err(PageError::Invalid(errors)) => {
            let errors = parts::named(errors);
            let step = at_fault(&errors);
            Ok(new::page(&own, &draft, step, &errors, sent))
        }
        // A new form, since this one has made its key.
        Err(PageError::SentBefore) => {
            let said = "The form was sent before with other words, and a key was made then. Send it again to generate another key.";
            let errors = [FieldError::new("", said)];
            let page = new::page(&own, &draft, Step::Review, &errors, &once::fresh());
            Ok(page.status(StatusCode::CONFLICT))
        }
        Err(e) => Err(e),
    }
}

/// The step where the first thing is wrong.
fn at_fault(errors: &[FieldError]) -> Step {
    match errors.first().map(|e| e.field.as_str()) {
        Some("name") => Step::Name,
        Some("scope") => Step::Scopes,
        _ => Step::Expiry,
    }
}

/// The page with a secret; `more` is what else there is to say about it.
pub(super) fn shown(own: &Own, title: &str, made: &Made, more: &Markup) -> PageAnswer {
    let key = &made.key;
    let path = format!("/keys/{}", key.id);
    let body = html! {
        (ui::style("keys.css"))
        (ui::crumbs(&[("/keys", "API keys"), (&path, &key.name)]))
        (ui::head(title, None, None))
        (ui::card(None, &html! {
            (ui::secret_once(&format!("API key “{}”", key.name), &made.secret))
            (more)
        }))
        (ui::card(Some("Try it"), &html! {
            p.muted { "Paste this into a terminal:" }
            (ui::code_block("A request with the key", &curl::line(own.config(), &key.scopes, &made.secret)))
        }))
        p.actions {
            (ui::link_button(Kind::Primary, &path, "I have copied it"))
            @if crate::web::portal::table::has("/docs") {
                (ui::link_button(Kind::Secondary, "/docs", "Read the documentation"))
            }
        }
    };
    shell::page(own, title, Place::Keys, body)
}

/// The page of a form that was sent before.
pub(super) fn before(own: &Own, before: &IdempotentAnswer) -> PageAnswer {
    let path = format!("/keys/{}", once::made_before(before));
    let body = html! {
        (ui::crumbs(&[("/keys", "API keys")]))
        (ui::head("This was done already", None, None))
        (ui::card(None, &html! {
            p { "The form was sent before. The secret was shown then, and is shown once only. If you do not have it, rotate the key: it gets another secret." }
            p.actions {
                (ui::link_button(Kind::Primary, &path, "Open the key"))
                (ui::link_button(Kind::Secondary, &format!("{path}/rotate"), "Rotate it"))
            }
        }))
    };
    shell::page(own, "This was done already", Place::Keys, body)
}
