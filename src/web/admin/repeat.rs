//! Idempotency-Key: a repeated creation gets the first one's answer, without any secret; never a second creation.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::access::Call;
use super::respond::{self, ApiError};
use super::state::AdminState;
use crate::base::audit::{ChangeContext, Idempotency, IdempotentAnswer};
use crate::base::ceilings::IDEMPOTENCY_KEY_CHARS;
use crate::base::error::Code;

/// The client's key (draft-ietf-httpapi-idempotency-key-header).
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Marks an answer that repeats an earlier one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Runs a creation at most once for its Idempotency-Key. `create` writes the answer together with its change
/// ([`crate::base::audit::Change::answered`]); whoever loses a race is given the winner's answer.
pub async fn once<F, R>(
    state: &AdminState,
    call: &Call,
    operation: &str,
    headers: &HeaderMap,
    digest: [u8; 32],
    create: F,
) -> Result<Response, ApiError>
where
    F: FnOnce(ChangeContext) -> R,
    R: Future<Output = Result<Response, ApiError>>,
{
    let mut caller = call.caller.clone();
    let Some(key) = client_key(headers)? else {
        return create(caller).await;
    };
    let idempotency = Idempotency {
        key: format!("{}\n{operation}\n{key}", caller.token),
        request_digest: digest,
    };
    if let Some(answer) = remembered(state, &idempotency).await? {
        return answer;
    }
    caller.idempotency = Some(idempotency.clone());
    match create(caller).await {
        Err(error) if error.code() == Code::Conflict => {
            // It may have lost to the same call: then that one's answer is there by now.
            remembered(state, &idempotency).await?.unwrap_or(Err(error))
        }
        answer => answer,
    }
}

async fn remembered(
    state: &AdminState,
    idempotency: &Idempotency,
) -> Result<Option<Result<Response, ApiError>>, ApiError> {
    let now = state.clock.now();
    let found = state.store.idempotent_answer(&idempotency.key, now).await?;
    Ok(found.map(|answer| replay(answer, idempotency)))
}

fn replay(answer: IdempotentAnswer, idempotency: &Idempotency) -> Result<Response, ApiError> {
    if answer.request_digest != idempotency.request_digest {
        return Err(ApiError::detail(
            Code::Conflict,
            "This Idempotency-Key was used for a request with another body.",
        ));
    }
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = respond::json_text(status, answer.body);
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

/// The client's key: a Structured Field String (RFC 9651 section 3.3.3), or bare text for those who forget the quotes.
fn client_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut fields = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = fields.next() else {
        return Ok(None);
    };
    let key = value.to_str().ok().and_then(unquote);
    match (key, fields.next()) {
        (Some(key), None) if (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len()) => Ok(Some(key)),
        _ => Err(ApiError::field(
            "Idempotency-Key",
            format!("expected one quoted string of 1 to {IDEMPOTENCY_KEY_CHARS} ASCII characters"),
        )),
    }
}

fn unquote(text: &str) -> Option<String> {
    let text = text.trim_matches(' ');
    let Some(inner) = text.strip_prefix('"') else {
        let bare = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        return bare.then(|| text.to_owned());
    };
    let mut key = String::new();
    let mut chars = inner.strip_suffix('"')?.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => key.push(chars.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return None,
            ' '..='~' => key.push(c),
            _ => return None,
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_quoted_string_or_bare_text() {
        for (text, key) in [
            ("\"8e03978e-40d5\"", Some("8e03978e-40d5")),
            (" \"a b\" ", Some("a b")),
            ("\"a\\\"b\\\\\"", Some("a\"b\\")),
            ("8e03978e-40d5", Some("8e03978e-40d5")),
            ("\"open", None),
            ("\"a\"b\"", None),
            ("\"a\\n\"", None),
            ("a b", None),
            ("\"trailing\\\"", None),
        ] {
            assert_eq!(unquote(text).as_deref(), key, "{text}");
        }
    }

    #[test]
    fn an_empty_long_or_second_key_is_invalid() {
        let with = |values: &[&str]| {
            let mut h = HeaderMap::new();
            for v in values {
                h.append(IDEMPOTENCY_KEY, HeaderValue::from_str(v).unwrap());
            }
            client_key(&h)
        };
        assert_eq!(with(&[]).unwrap(), None);
        assert!(with(&["\"\""]).is_err());
        assert!(with(&["a", "a"]).is_err());
        assert!(with(&[&"a".repeat(IDEMPOTENCY_KEY_CHARS + 1)]).is_err());
        assert!(with(&[&"a".repeat(IDEMPOTENCY_KEY_CHARS)]).is_ok());
    }
}
