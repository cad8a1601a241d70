//! How pages answer: HTML, a redirect after a form, a file; never what is in them.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use maud::Markup;

use super::refuse::PageError;

/// An answer on its way out of a page.
#[derive(Debug)]
pub struct PageAnswer(Response);

/// What a page gives.
pub type PageResult = Result<PageAnswer, PageError>;

impl PageAnswer {
    /// A page.
    pub fn html(markup: Markup) -> Self {
        let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
        Self((kind, markup.into_string()).into_response())
    }

    /// What a form answers once it is done: the place to look at, so that a reload does nothing twice. `place` is a path of
    /// ours with what we ourselves put into it.
    pub fn see_other(place: &str) -> Self {
        let mut response = StatusCode::SEE_OTHER.into_response();
        let place = HeaderValue::from_str(place).unwrap_or(HeaderValue::from_static("/"));
        response.headers_mut().insert(header::LOCATION, place);
        Self(response)
    }

    /// A file to be saved under `name`.
    pub fn attachment(kind: &'static str, name: &str, body: impl Into<axum::body::Body>) -> Self {
        let mut answer = Self::file(kind, body);
        let named = format!("attachment; filename=\"{name}\"");
        if let Ok(value) = HeaderValue::from_str(&named) {
            answer = answer.with(header::CONTENT_DISPOSITION, value);
        }
        answer
    }

    /// Content of another type than a page's.
    pub fn file(kind: &'static str, body: impl Into<axum::body::Body>) -> Self {
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static(kind))];
        Self((kind, body.into()).into_response())
    }

    /// Adds a header field, or replaces it.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// With another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        *self.0.status_mut() = status;
        self
    }
}

impl IntoResponse for PageAnswer {
    fn into_response(self) -> Response {
        self.0
    }
}
