//! What a request says outside its body: the query's parameters and whose data it is about; never a body.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

use crate::base::ceilings::ACCOUNT_ID_CHARS;
use crate::base::clock::Timestamp;
use crate::base::page;

use super::choice::Choice;
use super::error::{ApiError, FieldError};
use super::table::{Window, parse_cursor};

/// The header in which a gateway names the account.
const ACCOUNT_HEADER: &str = "x-fuelgate-account";
/// The account of requests that name none.
const DEFAULT_ACCOUNT: &str = "default";

/// The account that a request is about.
pub(super) struct Account(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Account {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let name = parts
            .headers
            .get(ACCOUNT_HEADER)
            .and_then(|v| v.to_str().ok())
            .filter(|v| (1..=ACCOUNT_ID_CHARS).contains(&v.len()))
            .unwrap_or(DEFAULT_ACCOUNT);
        Ok(Self(name.to_owned()))
    }
}

/// The query. Parameters that nobody asks for are ignored.
pub(super) struct Params {
    values: HashMap<String, String>,
    errors: Vec<FieldError>,
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(values) = Query::try_from_uri(&parts.uri)
            .map_err(|_| ApiError::field("query", "must be name=value pairs"))?;
        Ok(Self {
            values,
            errors: Vec::new(),
        })
    }
}

impl Params {
    fn parse<T>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match parse(self.values.get(name)?) {
            Ok(v) => Some(v),
            Err(message) => {
                self.errors.push(FieldError {
                    field: name.to_owned(),
                    message,
                });
                None
            }
        }
    }

    /// A parameter as it is.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    /// A parameter for comparisons that do not look at case.
    pub(super) fn lower(&mut self, name: &str) -> Option<String> {
        self.text(name).map(|v| v.trim().to_lowercase())
    }

    /// One of a few words.
    pub(super) fn choice<T: Choice>(&mut self, name: &str) -> Option<T> {
        self.parse(name, T::parse)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.parse(name, |v| {
            v.parse().map_err(|_| "must be true or false".to_owned())
        })
    }

    /// An instant.
    pub(super) fn instant(&mut self, name: &str) -> Option<Timestamp> {
        self.parse(name, Timestamp::parse)
    }

    /// Ends the reading of a list's parameters: `limit` and `cursor`.
    ///
    /// # Errors
    /// Every parameter that was not as it should be.
    pub(super) fn window(mut self) -> Result<Window, ApiError> {
        let limit = self.parse("limit", |v| {
            v.parse()
                .ok()
                .filter(|n| (1..=page::MAX_LIMIT).contains(n))
                .ok_or_else(|| format!("must be a whole number from 1 to {}", page::MAX_LIMIT))
        });
        let before = self.parse("cursor", |v| {
            parse_cursor(v).ok_or_else(|| "must be a next_cursor of this list".to_owned())
        });
        self.finish()?;
        Ok(Window {
            limit: limit.unwrap_or(page::DEFAULT_LIMIT) as usize,
            before,
        })
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// Every parameter that was not as it should be.
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            Ok(())
        } else {
            Err(ApiError::invalid(self.errors))
        }
    }
}

/// Whether `text` holds `needle`, which is in lower case already.
pub(super) fn holds(text: &str, needle: &str) -> bool {
    text.to_lowercase().contains(needle)
}
