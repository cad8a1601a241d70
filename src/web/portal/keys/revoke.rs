//! `GET` and `POST /keys/{key}/revoke`: ends a key for good, once its last four characters were typed; never undone.

use axum::extract::Path;
use http::StatusCode;
use maud::html;

use super::parts;
use crate::base::error::FieldError;
use crate::keys::model::KeyRecord;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::shell::{self, Place};
use crate::web::portal::ui::{self, Confirm, Field};

pub(super) async fn ask(own: Own, Path(id): Path<String>) -> PageResult {
    let key = own.key(&id).await?;
    if key.revoked_at.is_some() {
        return Ok(PageAnswer::see_other(&format!("/keys/{id}")));
    }
    Ok(page(&own, &key, "", &[]))
}

pub(super) async fn revoke(own: Own, Path(id): Path<String>, form: FormData) -> PageResult {
    let key = own.key(&id).await?;
    let typed = form.text("confirm")?;
    if typed != key.last_four {
        let message = format!("expected {}, the end of the key", key.last_four);
        let errors = [FieldError::new("confirm", message)];
        let answer = page(&own, &key, typed, &errors);
        return Ok(answer.status(StatusCode::UNPROCESSABLE_ENTITY));
    }
    own.revoke_key(&id).await?;
    Ok(PageAnswer::see_other("/keys?done=revoked"))
}

fn page(own: &Own, key: &KeyRecord, typed: &str, errors: &[FieldError]) -> PageAnswer {
    let path = format!("/keys/{}", key.id);
    let hint = format!(
        "Type {} to show that you mean {}_…{}.",
        key.last_four, key.prefix, key.last_four
    );
    let body = html! {
        (ui::crumbs(&[("/keys", "API keys"), (&path, &key.name)]))
        (ui::error_summary(errors, &parts::NAMES))
        (ui::confirm(&Confirm {
            csrf: &own.visit.csrf,
            title: "Revoke the key",
            text: html! {
                p { "Every request with “" (key.name) "” is refused from then on, for good. This cannot be undone." }
                (ui::key_values(&[
                    ("Key", parts::masked(key)),
                    ("Last used", match key.last_used_at {
                        Some(at) => ui::time(at),
                        None => html! { "Never" },
                    }),
                ]))
            },
            fields: ui::field(&Field {
                name: "confirm",
                label: "Last four characters",
                hint: Some(&hint),
                error: ui::error_of(errors, "confirm"),
                value: typed,
                most: 4,
                is_required: true,
                is_mono: true,
                ..Field::default()
            }),
            action: &format!("{path}/revoke"),
            button: "Revoke the key",
            is_final: true,
            back: &path,
        }))
    };
    shell::page(own, "Revoke the key", Place::Keys, body)
}
