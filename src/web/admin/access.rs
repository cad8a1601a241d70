//! Who calls: the admin token, its permissions, the actor it names and its address; never what the call does.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::respond::{ApiError, RequestId};
use super::state::AdminState;
use super::table::{self, Access, Looked};
use crate::base::audit;
use crate::base::ceilings::{AUTHORIZATION_BYTES, NAME_CHARS};
use crate::base::error::Code;
use crate::config::model::{AdminToken, Config, Permission};
use crate::web::peer::{self, Peer};

/// The challenge of the admin API (RFC 6750 section 3).
const CHALLENGE: &str = "Bearer realm=\"fuelgate-admin\"";
/// The challenge to a token that is not valid.
const CHALLENGE_INVALID: &str = "Bearer realm=\"fuelgate-admin\", error=\"invalid_token\"";
/// Names the person behind a trusted caller.
const ACTOR: &str = "x-actor";

/// A call that was let in: who makes it, and the configuration it is decided by.
#[derive(Clone)]
pub struct Call {
    /// Who makes it.
    pub caller: audit::ChangeContext,
    /// The configuration it began with.
    pub config: Arc<Config>,
}

impl Call {
    /// Whether the token it was made with is in `config` still, with this permission: for answers that go on for long.
    pub fn is_still_good(&self, config: &Config, permission: Permission) -> bool {
        let mut at_first = self.config.admin.tokens.iter();
        let Some(token) = at_first.find(|t| t.name == self.caller.token) else {
            return false;
        };
        let mut now = config.admin.tokens.iter();
        now.any(|t| t.sha256 == token.sha256 && t.permissions.contains(&permission))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let call = parts.extensions.get::<Self>().cloned();
        call.ok_or_else(|| ApiError::new(Code::Internal))
    }
}

/// Lets a request in or refuses it: first the token, then the permission that the table asks for.
pub async fn guard(
    State(state): State<Arc<AdminState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let config = state.control.current();
    match admit(&state, &config, &request) {
        Ok(caller) => {
            request.extensions_mut().insert(Call { caller, config });
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn admit(
    state: &AdminState,
    config: &Config,
    request: &Request,
) -> Result<audit::ChangeContext, ApiError> {
    let token = authenticate(&config.admin.tokens, request.headers())?;
    // A path that the router does not know has no template and is answered 404 by the fallback.
    if let Some(path) = request.extensions().get::<MatchedPath>() {
        match table::look_up(request.method(), path.as_str()) {
            Looked::Operation(Access::AnyToken) | Looked::OtherMethods => {}
            Looked::Operation(Access::Needs(p)) if token.permissions.contains(&p) => {}
            Looked::Operation(_) | Looked::Unknown => return Err(ApiError::new(Code::Forbidden)),
        }
    }
    let headers = request.headers();
    let peer = request.extensions().get::<Peer>();
    let id = request.extensions().get::<RequestId>();
    Ok(audit::ChangeContext {
        token: token.name.clone(),
        actor: actor(headers)?,
        address: peer.map(|p| peer::client_address(config, p.0.ip(), headers).to_string()),
        request_id: id.map(|r| r.0.clone()).unwrap_or_default(),
        at: state.clock.now(),
        idempotency: None,
    })
}

fn authenticate<'a>(
    tokens: &'a [AdminToken],
    headers: &HeaderMap,
) -> Result<&'a AdminToken, ApiError> {
    let refuse = |challenge| {
        ApiError::new(Code::Unauthorized).header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static(challenge),
        )
    };
    let presented = bearer(headers).ok_or_else(|| refuse(CHALLENGE))?;
    find(tokens, presented).ok_or_else(|| refuse(CHALLENGE_INVALID))
}

/// The token of the one Authorization field, with the Bearer scheme.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut fields = headers.get_all(header::AUTHORIZATION).iter();
    let value = fields.next()?.as_bytes();
    if fields.next().is_some() || value.len() > AUTHORIZATION_BYTES {
        return None;
    }
    let (scheme, token) = value.split_at_checked(7)?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty()).then_some(token)
}

/// Compares with every token, so that the time does not tell which one was nearly right.
fn find<'a>(tokens: &'a [AdminToken], presented: &[u8]) -> Option<&'a AdminToken> {
    let digest = Sha256::digest(presented);
    let mut found = u64::MAX;
    for (index, token) in (0u64..).zip(tokens) {
        let equal: Choice = token.sha256.ct_eq(digest.as_slice());
        found.conditional_assign(&index, equal);
    }
    tokens.get(usize::try_from(found).ok()?)
}

fn actor(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(ACTOR) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes()).unwrap_or_default();
    let text = text.trim_matches(' ');
    let length = text.chars().count();
    if length == 0 || length > NAME_CHARS || text.chars().any(char::is_control) {
        return Err(ApiError::field(
            "X-Actor",
            format!("expected 1 to {NAME_CHARS} characters of UTF-8 without control characters"),
        ));
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::Permission;

    fn tokens() -> Vec<AdminToken> {
        ["one", "two", "three"]
            .map(|name| AdminToken {
                name: name.to_owned(),
                sha256: Sha256::digest(format!("secret-{name}")).into(),
                permissions: Permission::ALL.to_vec(),
            })
            .to_vec()
    }

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for v in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(v).unwrap());
        }
        headers
    }

    #[test]
    fn every_configured_token_is_found_and_nothing_else() {
        let tokens = tokens();
        for name in ["one", "two", "three"] {
            let found = find(&tokens, format!("secret-{name}").as_bytes());
            assert_eq!(found.unwrap().name, name);
        }
        assert!(find(&tokens, b"secret-four").is_none());
        assert!(find(&[], b"").is_none());
    }

    #[test]
    fn only_one_bearer_field_is_a_credential() {
        assert_eq!(bearer(&headers(&["bEARER  abc "])), Some(&b"abc"[..]));
        for bad in [
            &[][..],
            &["Basic abc"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(bearer(&headers(bad)), None, "{bad:?}");
        }
    }

    #[test]
    fn an_actor_with_control_characters_is_invalid() {
        let with = |v: &[u8]| {
            let mut h = HeaderMap::new();
            h.insert(ACTOR, HeaderValue::from_bytes(v).unwrap());
            actor(&h)
        };
        assert_eq!(with("Jürgen".as_bytes()).unwrap().unwrap(), "Jürgen");
        for bad in [&b"a\tb"[..], b"", b"\xff", "\u{85}x".as_bytes()] {
            assert_eq!(with(bad).unwrap_err().code(), Code::Invalid, "{bad:?}");
        }
        assert!(with("x".repeat(NAME_CHARS + 1).as_bytes()).is_err());
    }
}
