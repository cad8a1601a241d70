//! The form of a webhook, filled in and with what is wrong with it, and `POST /webhooks/{webhook}`; never a secret.

use axum::extract::Path;
use http::StatusCode;
use maud::{Markup, html};

use super::choice::fewest;
use super::{picker, show};
use crate::base::ceilings::{NAME_CHARS, WEBHOOK_URL_CHARS};
use crate::base::error::FieldError;
use crate::web::portal::answer::{PageAnswer, PageResult};
use crate::web::portal::form::FormData;
use crate::web::portal::own::Own;
use crate::web::portal::own::webhooks::WebhookForm;
use crate::web::portal::refuse::PageError;
use crate::web::portal::ui;
use crate::webhooks::view::EndpointView;

/// A form as it is filled in.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub(super) form: WebhookForm,
    pub(super) errors: Vec<FieldError>,
}

impl Filled {
    /// With what a webhook has.
    pub(super) fn of(webhook: &EndpointView) -> Self {
        Self {
            form: WebhookForm {
                url: webhook.url.clone(),
                description: webhook.description.clone().unwrap_or_default(),
                types: webhook.event_types.clone(),
            },
            errors: Vec::new(),
        }
    }

    /// What was sent.
    pub(super) fn read(data: &FormData) -> Result<Self, PageError> {
        Ok(Self {
            form: WebhookForm {
                url: data.text("url")?.to_owned(),
                description: data.text("description")?.to_owned(),
                types: fewest(&data.all("type")),
            },
            errors: Vec::new(),
        })
    }

    /// Whether there is something to correct.
    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }
}

/// The fields of the form, those that are wrong first.
pub(super) fn fields(own: &Own, filled: &Filled) -> Markup {
    let names = [
        ("url", "Endpoint URL"),
        ("description", "Description"),
        ("event_types", "Events"),
    ];
    let url = ui::Field {
        name: "url",
        label: "Endpoint URL",
        hint: Some("An HTTPS address on the public internet. Events are posted there as JSON."),
        error: ui::error_of(&filled.errors, "url"),
        value: &filled.form.url,
        kind: "url",
        most: WEBHOOK_URL_CHARS,
        is_required: true,
        is_mono: true,
    };
    let description = ui::Field {
        name: "description",
        label: "Description",
        error: ui::error_of(&filled.errors, "description"),
        value: &filled.form.description,
        most: NAME_CHARS,
        ..ui::Field::default()
    };
    let types = ui::error_of(&filled.errors, "event_types");
    html! {
        (ui::error_summary(&filled.errors, &names))
        (ui::field(&url))
        (ui::field(&description))
        (picker::picker(own.config(), &filled.form.types, types))
    }
}

pub(super) async fn change(own: Own, Path(id): Path<String>, data: FormData) -> PageResult {
    let mut filled = Filled::read(&data)?;
    match own.change_webhook(&id, &filled.form).await {
        Ok(_) => Ok(PageAnswer::see_other(&format!(
            "/webhooks/{id}?done=changed"
        ))),
        Err(PageError::Invalid(errors)) => {
            filled.errors = errors;
            let webhook = own.webhook(&id).await?;
            let page = show::page(&own, &webhook, &html! {}, &filled).await?;
            Ok(page.status(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(e) => Err(e),
    }
}
