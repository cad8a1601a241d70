//! Pages that say why there is no other: not found, not allowed, not now; never what lies behind.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use maud::{Markup, html};

use super::shell::{self, Place};
use super::ui;
use crate::accounts::service::AccountError;
use crate::base::error::{FieldError, StoreError};
use crate::base::problem::RETRY_SECONDS;
use crate::config::model::Config;
use crate::keys::service::KeyError;
use crate::portal::model::Session;
use crate::portal::service::{LinkError, PortalError};
use crate::web::admin::respond::ApiError;
use crate::webhooks::service::WebhookError;

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageError {
    /// There is no such page, or nothing of the account's has this id.
    NotFound,
    /// Nobody is signed in.
    SignIn,
    /// The link was used, has expired, or never was.
    Link,
    /// The role does not allow it.
    Viewer,
    /// The form is not one of ours, or of another session.
    Forged,
    /// Other methods are for this path.
    Method(Vec<&'static str>),
    /// The present state does not allow it; public text.
    Conflict(String),
    /// The form was sent before, with other words in it.
    SentBefore,
    /// What was sent cannot be taken, field by field. Forms show it beside their fields instead, where they can.
    Invalid(Vec<FieldError>),
    /// It could not be read at all.
    Unreadable,
    /// It has more bytes or fields than a form of ours.
    TooLarge,
    /// It is no form.
    NoForm,
    /// It did not come in time.
    Slow,
    /// Too many tries from this address.
    TooMany,
    /// The store cannot be used now.
    Unavailable,
    /// A fault of our own.
    Internal,
}

impl PageError {
    /// `Invalid` because of one field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// Its status.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignIn => StatusCode::UNAUTHORIZED,
            Self::Link | Self::Viewer | Self::Forged => StatusCode::FORBIDDEN,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) | Self::SentBefore => StatusCode::CONFLICT,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "Page not found",
            Self::SignIn => "Sign in",
            Self::Link => "This link was used or has expired",
            Self::Viewer => "Your role is viewer",
            Self::Forged => "This form cannot be taken",
            Self::Method(_) | Self::Unreadable | Self::NoForm | Self::Slow => {
                "This request cannot be read"
            }
            Self::Conflict(_) => "This cannot be done now",
            Self::SentBefore => "This form was sent before",
            Self::Invalid(_) => "Something in the form is not right",
            Self::TooLarge => "That is too large",
            Self::TooMany => "Too many tries",
            Self::Unavailable => "Not available at the moment",
            Self::Internal => "Something went wrong",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::NotFound => "There is no page at this address, or it is not one of your account.",
            Self::SignIn => "",
            Self::Link => "A sign-in link works once and for five minutes. Ask for a new one.",
            Self::Viewer => {
                "Viewers see everything and change nothing. Ask for the role developer where your account is managed."
            }
            Self::Forged => {
                "It was not sent from a page of your present session. Go back, reload the page and send it again."
            }
            Self::Method(_) | Self::Unreadable | Self::NoForm => {
                "It is not what the forms of these pages send."
            }
            Self::Slow => "It did not arrive in time. Send it again.",
            Self::Conflict(why) => why,
            Self::SentBefore => {
                "It was sent with other words, and those hold. Nothing was changed now. To do it again, open the page anew."
            }
            Self::Invalid(_) => "Go back and correct it:",
            Self::TooLarge => "The form has more in it than can be taken.",
            Self::TooMany => "Wait a few seconds, then try again.",
            Self::Unavailable => "Nothing was changed. Try again in a moment.",
            Self::Internal => {
                "The fault is ours. Try again; if it stays, tell us the number below."
            }
        }
    }

    /// The page, for whoever is signed in or not.
    pub(super) fn page(
        &self,
        config: &Config,
        session: Option<&Session>,
        request_id: &str,
    ) -> Markup {
        if matches!(self, Self::SignIn) {
            return super::sign_in::page::markup(config, None);
        }
        let body = html! {
            div.refusal {
                h1 { (self.title()) }
                p { (self.text()) }
                @if let Self::Invalid(errors) = self {
                    ul {
                        @for e in errors {
                            li {
                                @if !e.field.is_empty() { code { (e.field) } ": " }
                                (e.message)
                            }
                        }
                    }
                }
                p.actions {
                    @if session.is_some() {
                        (ui::link_button(ui::Kind::Secondary, "/", "Overview"))
                    } @else {
                        (ui::link_button(ui::Kind::Secondary, "/sign-in", "Sign in"))
                    }
                }
                p.small.muted { "Request " code { (request_id) } }
            }
        };
        shell::markup(config, session, self.title(), Place::Nowhere, &body)
    }
}

/// What the guard makes a page of, once it knows who asked.
#[derive(Clone)]
pub(super) struct Unrendered(pub(super) PageError);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        let headers = response.headers_mut();
        match &self {
            Self::Method(methods) => {
                if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
                    headers.insert(header::ALLOW, allow);
                }
            }
            Self::Unavailable | Self::TooMany => {
                headers.insert(header::RETRY_AFTER, RETRY_SECONDS.into());
            }
            _ => {}
        }
        response.extensions_mut().insert(Unrendered(self));
        response
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::NotFound,
            StoreError::Conflict(why) => {
                tracing::debug!(why, "a change conflicts with what is stored");
                Self::Conflict("Something else changed at the same time. Try again.".to_owned())
            }
            StoreError::Unavailable(why) | StoreError::Overloaded(why) => {
                tracing::warn!(why, "the store refused a page");
                Self::Unavailable
            }
            StoreError::Corrupt(why) => {
                tracing::error!(why, "the store holds what cannot be read");
                Self::Internal
            }
        }
    }
}

fn no_random(error: &dyn std::fmt::Display) -> PageError {
    tracing::error!(%error, "no secret could be made");
    PageError::Internal
}

impl From<KeyError> for PageError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::NotFound => Self::NotFound,
            KeyError::Conflict(why) => Self::Conflict(why),
            KeyError::Invalid(errors) => Self::Invalid(errors),
            KeyError::Store(e) => e.into(),
            KeyError::NoRandom(e) => no_random(&e),
        }
    }
}

impl From<AccountError> for PageError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::NotFound => Self::NotFound,
            AccountError::Conflict(why) => Self::Conflict(why),
            AccountError::Invalid(errors) => Self::Invalid(errors),
            AccountError::Store(e) => e.into(),
        }
    }
}

impl From<WebhookError> for PageError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NotFound => Self::NotFound,
            WebhookError::Conflict(why) => Self::Conflict(why),
            WebhookError::Invalid(errors) => Self::Invalid(errors),
            WebhookError::Store(e) => e.into(),
            WebhookError::Secret(e) => no_random(&e),
        }
    }
}

impl From<PortalError> for PageError {
    fn from(error: PortalError) -> Self {
        match error {
            PortalError::Conflict(why) => Self::Conflict(why),
            PortalError::Invalid(errors) => Self::Invalid(errors),
            PortalError::Store(e) => e.into(),
            PortalError::NoRandom(e) => no_random(&e),
        }
    }
}

impl From<LinkError> for PageError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Refused => Self::Link,
            LinkError::Store(e) => e.into(),
            LinkError::NoRandom(e) => no_random(&e),
        }
    }
}

/// What the readers of the admin API refuse, such as a cursor that is none.
impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        match error.code() {
            crate::base::error::Code::Invalid => {
                Self::field("cursor", "expected a page of this list")
            }
            _ => Self::Unreadable,
        }
    }
}
