//! Reads JSON bodies strictly: the right type, within the ceiling, no unknown field, absent told from null; never a meaning.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::HeaderMap;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::error::Category;
use sha2::{Digest, Sha256};

use super::respond::ApiError;
use crate::base::ceilings::ADMIN_BODY_BYTES;
use crate::base::error::{Code, FieldError};
use crate::base::media_type::says_json;
use crate::web::body::{self, BodyError};

/// A body that was read, and the digest of its bytes by which a repetition is known.
#[derive(Debug)]
pub struct Json<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of the bytes.
    pub digest: [u8; 32],
}

/// A body that may be left out altogether: then it reads as `{}`.
#[derive(Debug)]
pub struct OptionalJson<T>(pub Json<T>);

/// A body with no members.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A member that may be absent, null, or have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Member<T> {
    /// It was not there.
    #[default]
    Absent,
    /// It was `null`.
    Null,
    /// It had a value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(d)?.map_or(Self::Null, Self::Value))
    }
}

impl<T> From<Member<T>> for Option<Option<T>> {
    fn from(member: Member<T>) -> Self {
        match member {
            Member::Absent => None,
            Member::Null => Some(None),
            Member::Value(value) => Some(Some(value)),
        }
    }
}

impl<T> Member<T> {
    /// Whether it was there at all, null or not.
    pub const fn is_present(&self) -> bool {
        !matches!(self, Self::Absent)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        read(body).await.and_then(|b| parse(&b))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let bytes = read(body).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        require_json(&parts.headers)?;
        parse(&bytes).map(Self)
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    if says_json(headers) {
        return Ok(());
    }
    Err(ApiError::new(Code::UnsupportedMediaType))
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let read = body::read(body, ADMIN_BODY_BYTES).await;
    read.map_err(|error| match error {
        BodyError::TooLarge => ApiError::detail(
            Code::BodyTooLarge,
            format!("Bodies have {ADMIN_BODY_BYTES} bytes at most."),
        ),
        BodyError::BrokenOff => {
            ApiError::detail(Code::BadRequest, "The body ended before it was complete.")
        }
        BodyError::Slow => ApiError::new(Code::RequestTimeout),
    })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Json<T>, ApiError> {
    // What is no JSON is a bad request, whatever may be wrong with its fields as well.
    serde_json::from_slice::<IgnoredAny>(bytes).map_err(|e| refuse("", &e))?;
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|e| {
        let path = e.path().to_string();
        refuse(&path, &e.into_inner())
    })?;
    // serde would take an array for an object, by the order of its fields.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(ApiError::field("", "expected an object"));
    }
    Ok(Json {
        value,
        digest: Sha256::digest(bytes).into(),
    })
}

fn refuse(path: &str, error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = text
        .strip_suffix(&format!(" at line {line} column {column}"))
        .unwrap_or(&text);
    match error.classify() {
        Category::Data => ApiError::invalid(vec![field_error(path, message)]),
        Category::Io | Category::Syntax | Category::Eof => ApiError::detail(
            Code::BadRequest,
            format!("The body is not JSON: {message} at line {line}, column {column}."),
        ),
    }
}

/// What serde says, with the field that it means put where it belongs.
pub fn field_error(path: &str, message: &str) -> FieldError {
    let path = if path == "." || path == "?" { "" } else { path };
    let named = |kind: &str| {
        let rest = message.strip_prefix(kind)?;
        rest.strip_prefix('`')?.split('`').next()
    };
    let Some(name) = ["unknown field ", "missing field ", "duplicate field "]
        .iter()
        .find_map(|kind| named(kind))
    else {
        return FieldError::new(path, message);
    };
    // The path ends with the field itself, or at what holds it.
    let last = path.rsplit('.').next().unwrap_or_default();
    if path.is_empty() || last == name {
        let field = if path.is_empty() { name } else { path };
        FieldError::new(field, message)
    } else {
        FieldError::new(format!("{path}.{name}"), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[serde(rename = "n")]
        _n: u32,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[serde(default)]
        days: Member<u32>,
        #[serde(default, rename = "inner")]
        _inner: Option<Inner>,
        #[serde(default, rename = "list")]
        _list: Vec<u8>,
    }

    fn error(text: &str) -> (Code, String) {
        let e = parse::<Outer>(text.as_bytes()).unwrap_err();
        let code = e.code();
        (code, format!("{e:?}"))
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let days = |t: &str| parse::<Outer>(t.as_bytes()).unwrap().value.days;
        assert_eq!(days("{}"), Member::Absent);
        assert_eq!(days("{\"days\":null}"), Member::Null);
        assert_eq!(days("{\"days\":30}"), Member::Value(30));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_path() {
        for (text, field) in [
            ("{\"x\":1}", "\"x\""),
            ("{\"inner\":{}}", "\"inner.n\""),
            ("{\"inner\":{\"n\":1,\"m\":2}}", "\"inner.m\""),
            ("{\"list\":[1,\"a\"]}", "\"list[1]\""),
            ("{\"days\":1,\"days\":2}", "\"days\""),
            ("[]", "\"\""),
        ] {
            let (code, debug) = error(text);
            assert_eq!(code, Code::Invalid, "{text}");
            assert!(debug.contains(field), "{text}: {debug}");
        }
    }

    #[test]
    fn what_is_no_json_is_a_bad_request() {
        for text in [
            "",
            "{",
            "{}x",
            "{\"x\":1} {}",
            "{'a':1}",
            "{\"days\":01}",
            "\u{feff}{}",
        ] {
            assert_eq!(error(text).0, Code::BadRequest, "{text}");
        }
    }
}
