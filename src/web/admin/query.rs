//! Reads query strings strictly, pages and their opaque cursors included; never what a list holds.

use axum::extract::FromRequestParts;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::StatusCode;
use http::request::Parts;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::body::field_error;
use super::respond::{self, ApiError};
use crate::base::ceilings::CURSOR_CHARS;
use crate::base::page::{DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest};

/// A query string; unknown, repeated and malformed parameters are `invalid`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(text)
        .map_err(|_| ApiError::field("", "the query string is not form-encoded UTF-8"))?;
    for (i, (name, _)) in pairs.iter().enumerate() {
        if pairs.iter().take(i).any(|(n, _)| n == name) {
            return Err(ApiError::field(name.as_str(), "given more than once"));
        }
    }
    let deserializer = serde_urlencoded::Deserializer::new(form_pairs(text));
    serde_path_to_error::deserialize(deserializer).map_err(|e| {
        let path = e.path().to_string();
        ApiError::invalid(vec![field_error(&path, &e.into_inner().to_string())])
    })
}

fn form_pairs(text: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(text.as_bytes())
}

/// The page that `limit` and `cursor` ask for in the list of this name.
pub fn page(list: &str, limit: Option<u32>, cursor: Option<&str>) -> Result<PageRequest, ApiError> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::field(
            "limit",
            format!("expected 1 to {MAX_LIMIT}"),
        ));
    }
    let after = match cursor {
        None => None,
        Some(text) => Some(decode(list, text).ok_or_else(|| {
            ApiError::field(
                "cursor",
                "expected next_cursor of an earlier page of this list",
            )
        })?),
    };
    Ok(PageRequest { limit, after })
}

/// A list as it is answered.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct List<T> {
    /// The entries.
    pub data: Vec<T>,
    /// What to give as `cursor` for the next page; null when this was the last.
    pub next_cursor: Option<String>,
}

/// Answers with a page of the list of this name, each entry shown by `view`.
pub fn list<T, V: Serialize>(
    name: &str,
    page: Page<T>,
    view: impl FnMut(T) -> V,
) -> Result<Response, ApiError> {
    let body = List {
        data: page.items.into_iter().map(view).collect(),
        next_cursor: page.next.map(|after| encode(name, &after)),
    };
    respond::object(StatusCode::OK, &body)
}

/// A cursor: checksum, the list's name, a zero byte and where to go on. It hides nothing and is not to be built by hand.
pub(in crate::web) fn encode(list: &str, after: &str) -> String {
    let content = format!("{list}\0{after}");
    let mut bytes = crc32fast::hash(content.as_bytes()).to_be_bytes().to_vec();
    bytes.extend_from_slice(content.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(list: &str, cursor: &str) -> Option<String> {
    if cursor.len() > CURSOR_CHARS {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (sum, content) = bytes.split_first_chunk::<4>()?;
    if crc32fast::hash(content).to_be_bytes() != *sum {
        return None;
    }
    let (name, after) = std::str::from_utf8(content).ok()?.split_once('\0')?;
    (name == list).then(|| after.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Code;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        limit: Option<u32>,
        account_id: Option<String>,
    }

    #[test]
    fn a_cursor_is_good_for_its_own_list_only() {
        let cursor = encode("keys", "key_1");
        assert_eq!(decode("keys", &cursor).unwrap(), "key_1");
        assert_eq!(decode("events", &cursor), None);
        for i in 0..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(decode("keys", &changed), None, "{changed}");
        }
        assert_eq!(decode("keys", &"A".repeat(CURSOR_CHARS + 1)), None);
    }

    #[test]
    fn limits_go_from_1_to_200() {
        assert_eq!(page("keys", None, None).unwrap().limit, 50);
        assert_eq!(page("keys", Some(200), None).unwrap().limit, 200);
        for bad in [0, 201] {
            assert_eq!(
                page("keys", Some(bad), None).unwrap_err().code(),
                Code::Invalid
            );
        }
    }

    #[test]
    fn unknown_repeated_and_malformed_parameters_are_invalid_and_named() {
        let good: Sample = parse("limit=5&account_id=a%20b").unwrap();
        assert_eq!(
            (good.limit, good.account_id.as_deref()),
            (Some(5), Some("a b"))
        );
        for (text, field) in [
            ("nope=1", "\"nope\""),
            ("limit=x", "\"limit\""),
            ("limit=", "\"limit\""),
            ("limit=-1", "\"limit\""),
            ("limit=1&limit=2", "\"limit\""),
        ] {
            let e = parse::<Sample>(text).unwrap_err();
            assert_eq!(e.code(), Code::Invalid);
            assert!(format!("{e:?}").contains(field), "{text}: {e:?}");
        }
    }
}
