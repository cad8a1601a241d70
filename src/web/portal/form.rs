//! Reads forms and queries strictly: size, character set, fields, and that a form is of its session; never a meaning.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, header};
use percent_encoding::percent_decode;

use super::guard::Guest;
use super::refuse::PageError;
use crate::base::ceilings::portal::{
    PORTAL_FORM_BYTES, PORTAL_FORM_FIELDS, PORTAL_SIMULATOR_FORM_BYTES,
};
use crate::base::page::PageRequest;
use crate::portal::csrf;
use crate::web::admin::query;
use crate::web::body::{self, BodyError};

/// Name of the field that every form of a session has.
pub const CSRF: &str = "csrf";

/// What a form sent, in its order. As an extractor it takes only forms of the session that sends them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormData(Vec<(String, String)>);

impl FormData {
    /// A field's value; an absent one is `None`.
    ///
    /// # Errors
    /// It is there more than once.
    pub fn one(&self, name: &str) -> Result<Option<&str>, PageError> {
        let mut found = self.all(name).into_iter();
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(PageError::field(name, "given more than once")),
        }
    }

    /// The value of a field; empty where it is absent. White space around it is no part of it.
    ///
    /// # Errors
    /// It is there more than once.
    pub fn text(&self, name: &str) -> Result<&str, PageError> {
        Ok(self.one(name)?.unwrap_or_default().trim())
    }

    /// All values of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
            .collect()
    }

    /// The lines of a field that are not empty.
    ///
    /// # Errors
    /// It is there more than once.
    pub fn lines(&self, name: &str) -> Result<Vec<&str>, PageError> {
        let text = self.one(name)?.unwrap_or_default();
        let lines = text.lines().map(str::trim);
        Ok(lines.filter(|l| !l.is_empty()).collect())
    }

    /// Whether a box of this name is ticked.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(n, _)| n == name)
    }

    /// Every field as it came, for forms that go on with what was said before.
    pub fn fields(&self) -> &[(String, String)] {
        &self.0
    }

    /// The page that `limit` and `cursor` ask for in the list of this name.
    ///
    /// # Errors
    /// Neither is one of ours.
    pub fn page(&self, list: &str) -> Result<PageRequest, PageError> {
        let limit = match self.one("limit")?.filter(|l| !l.is_empty()) {
            None => None,
            Some(text) => {
                let number = text.parse::<u32>();
                Some(number.map_err(|_| PageError::field("limit", "expected 1 to 200"))?)
            }
        };
        Ok(query::page(list, limit, self.one("cursor")?)?)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, PageError> {
        let mut fields = Vec::new();
        for pair in bytes.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            if fields.len() >= PORTAL_FORM_FIELDS {
                return Err(PageError::TooLarge);
            }
            let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            let (name, value) = pair.split_at(at);
            fields.push((decode(name)?, decode(value.get(1..).unwrap_or_default())?));
        }
        Ok(Self(fields))
    }
}

/// Percent-decodes UTF-8; what is not UTF-8 is refused and not guessed at.
fn decode(text: &[u8]) -> Result<String, PageError> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|b| if *b == b'+' { b' ' } else { *b })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    let decoded = decoded.map_err(|_| PageError::Unreadable)?;
    Ok(decoded.into_owned())
}

/// The query string of a page. What it knows no meaning of is no matter.
#[derive(Debug, Clone, Default)]
pub struct Query(pub FormData);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, PageError> {
        FormData::parse(parts.uri.query().unwrap_or_default().as_bytes()).map(Self)
    }
}

impl<S: Send + Sync> FromRequest<S> for FormData {
    type Rejection = PageError;

    async fn from_request(request: Request, _: &S) -> Result<Self, PageError> {
        read(request, PORTAL_FORM_BYTES).await
    }
}

/// A form that may hold the data of an event.
#[derive(Debug, Clone)]
pub struct LargeForm(pub FormData);

impl<S: Send + Sync> FromRequest<S> for LargeForm {
    type Rejection = PageError;

    async fn from_request(request: Request, _: &S) -> Result<Self, PageError> {
        read(request, PORTAL_SIMULATOR_FORM_BYTES).await.map(Self)
    }
}

async fn read(request: Request, most: usize) -> Result<FormData, PageError> {
    let (parts, body) = request.into_parts();
    require_form(&parts.headers)?;
    let form = FormData::parse(&bytes(body, most).await?)?;
    let guest = parts.extensions.get::<Guest>().ok_or(PageError::Internal)?;
    // Where nobody is signed in there is nothing that another site could do in their name.
    if let Some(visit) = &guest.visit {
        let given = form.one(CSRF)?.unwrap_or_default();
        let peppers = &visit.config.keys.peppers;
        if !csrf::is_good(peppers, &visit.session.id, given) {
            return Err(PageError::Forged);
        }
    }
    Ok(form)
}

fn require_form(headers: &HeaderMap) -> Result<(), PageError> {
    let mut fields = headers.get_all(header::CONTENT_TYPE).iter();
    let value = fields.next().and_then(|v| v.to_str().ok());
    let (Some(value), None) = (value, fields.next()) else {
        return Err(PageError::NoForm);
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = parts.all(|p| match p.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("charset") => {
            value.trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") && is_utf8 {
        Ok(())
    } else {
        Err(PageError::NoForm)
    }
}

async fn bytes(body: Body, most: usize) -> Result<Bytes, PageError> {
    body::read(body, most).await.map_err(|error| match error {
        BodyError::TooLarge => PageError::TooLarge,
        BodyError::BrokenOff => PageError::Unreadable,
        BodyError::Slow => PageError::Slow,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let form = FormData::parse(
            b"name=My+key&scope=a%3Aread&scope=b&empty=&flag&ips=1.2.3.4%0D%0A%0D%0A10.0.0.0%2F8",
        );
        let form = form.unwrap();
        assert_eq!(form.one("name").unwrap(), Some("My key"));
        assert_eq!(form.all("scope"), ["a:read", "b"]);
        assert_eq!(form.one("empty").unwrap(), Some(""));
        assert!(form.has("flag") && !form.has("nope"));
        assert_eq!(form.lines("ips").unwrap(), ["1.2.3.4", "10.0.0.0/8"]);
        assert_eq!(form.one("nope").unwrap(), None);
        assert!(matches!(form.one("scope"), Err(PageError::Invalid(_))));
    }

    #[test]
    fn what_is_no_utf_8_or_too_much_is_refused() {
        for bad in [&b"a=%ff"[..], b"a=\xff", b"%c0%af=1"] {
            assert_eq!(FormData::parse(bad), Err(PageError::Unreadable));
        }
        let many = "a=1&".repeat(PORTAL_FORM_FIELDS);
        assert!(FormData::parse(many.as_bytes()).is_ok());
        let more = format!("{many}b=1");
        let refused = FormData::parse(more.as_bytes());
        assert_eq!(refused, Err(PageError::TooLarge));
    }

    #[test]
    fn only_forms_in_utf_8_are_forms() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, value.parse().unwrap());
            require_form(&headers)
        };
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=\"UTF-8\"",
        ] {
            assert!(with(good).is_ok(), "{good}");
        }
        for bad in [
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain",
            "application/x-www-form-urlencoded; charset=utf-7",
        ] {
            assert_eq!(with(bad), Err(PageError::NoForm), "{bad}");
        }
        assert_eq!(require_form(&HeaderMap::new()), Err(PageError::NoForm));
    }
}
