//! The one table of error codes: code, status and public text; how a refusal is written on a wire lives elsewhere.

/// Every error that fuelgate itself answers with, on the gateway's and the admin API's listeners.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// No credential, or one of another scheme (RFC 6750 section 3.1).
    MissingCredentials,
    /// A credential with bad syntax, or more than one.
    MalformedCredentials,
    /// No such key.
    InvalidKey,
    /// The key's expiry is past.
    ExpiredKey,
    /// The key was revoked or disabled.
    RevokedKey,
    /// The key lacks a scope of the route.
    InsufficientScope,
    /// The caller's address is not among the key's `allowed_ips`.
    AddressNotAllowed,
    /// The operator suspended the account.
    AccountSuspended,
    /// A token bucket is empty.
    RateLimited,
    /// An hour's or month's quota is used up.
    QuotaExceeded,
    /// No route has this path and host.
    RouteNotFound,
    /// The path has a route, but not for this method.
    MethodNotAllowed,
    /// The body is not of a type that the route takes.
    UnsupportedMediaType,
    /// The request is malformed.
    BadRequest,
    /// The body is over a ceiling.
    BodyTooLarge,
    /// The request target is over a ceiling.
    UriTooLong,
    /// The header block is over a ceiling.
    HeadersTooLarge,
    /// The client did not send its request in time.
    RequestTimeout,
    /// The upstream could not be reached, or broke off before it answered.
    UpstreamUnreachable,
    /// Every target of the upstream is down.
    NoHealthyUpstream,
    /// The upstream did not answer in time.
    UpstreamTimeout,
    /// The operator closed the API for a while.
    Maintenance,
    /// The store cannot be used now.
    StoreUnavailable,
    /// The gateway has more to do than it may take on.
    Overloaded,
    /// Admin API: no valid token.
    Unauthorized,
    /// Admin API: the token lacks the permission.
    Forbidden,
    /// Admin API: no such thing.
    NotFound,
    /// Admin API: not in this state, or another use of the same Idempotency-Key.
    Conflict,
    /// Admin API: the request's content is not acceptable.
    Invalid,
    /// Admin API: part of the contract that this version does not have.
    NotAvailable,
    /// A fault of the gateway's own.
    Internal,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The code as clients see it.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// `title` of the problem (RFC 9457 section 3.1.3).
    pub title: &'static str,
    /// `detail` when there is nothing more exact to say.
    pub detail: &'static str,
}

const fn row(code: &'static str, status: u16, title: &'static str, detail: &'static str) -> Row {
    Row {
        code,
        status,
        title,
        detail,
    }
}

impl Code {
    /// All codes, in the table's order.
    pub const ALL: [Self; 31] = [
        Self::MissingCredentials,
        Self::MalformedCredentials,
        Self::InvalidKey,
        Self::ExpiredKey,
        Self::RevokedKey,
        Self::InsufficientScope,
        Self::AddressNotAllowed,
        Self::AccountSuspended,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::RouteNotFound,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::BadRequest,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::HeadersTooLarge,
        Self::RequestTimeout,
        Self::UpstreamUnreachable,
        Self::NoHealthyUpstream,
        Self::UpstreamTimeout,
        Self::Maintenance,
        Self::StoreUnavailable,
        Self::Overloaded,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Invalid,
        Self::NotAvailable,
        Self::Internal,
    ];

    /// This code's row: the only place where codes, statuses and public texts are written down.
    pub const fn row(self) -> Row {
        match self {
            Self::MissingCredentials => row(
                "missing_credentials",
                401,
                "Credentials are missing",
                "Send your API key as: Authorization: Bearer <key>.",
            ),
            Self::MalformedCredentials => row(
                "malformed_credentials",
                400,
                "Credentials are malformed",
                "Send exactly one API key, as: Authorization: Bearer <key>.",
            ),
            Self::InvalidKey => row(
                "invalid_key",
                401,
                "The API key is not valid",
                "No API key has this value.",
            ),
            Self::ExpiredKey => row(
                "expired_key",
                401,
                "The API key has expired",
                "This API key's expiry date is past. Create a new one or rotate it.",
            ),
            Self::RevokedKey => row(
                "revoked_key",
                401,
                "The API key was revoked",
                "This API key was revoked or disabled.",
            ),
            Self::InsufficientScope => row(
                "insufficient_scope",
                403,
                "The API key lacks a scope",
                "This API key may not call this endpoint.",
            ),
            Self::AddressNotAllowed => row(
                "address_not_allowed",
                403,
                "The address is not allowed",
                "This API key may not be used from your network address.",
            ),
            Self::AccountSuspended => row(
                "account_suspended",
                403,
                "The account is suspended",
                "The account that owns this API key is suspended.",
            ),
            Self::RateLimited => row(
                "rate_limited",
                429,
                "Too many requests",
                "Requests come faster than the limit allows. Wait as long as Retry-After says.",
            ),
            Self::QuotaExceeded => row(
                "quota_exceeded",
                429,
                "The quota is used up",
                "The account has used up its quota. Wait as long as Retry-After says.",
            ),
            Self::RouteNotFound => row(
                "route_not_found",
                404,
                "There is no such endpoint",
                "No endpoint has this path.",
            ),
            Self::MethodNotAllowed => row(
                "method_not_allowed",
                405,
                "The method is not allowed",
                "This endpoint does not have this method. Allow lists those it has.",
            ),
            Self::UnsupportedMediaType => row(
                "unsupported_media_type",
                415,
                "The media type is not supported",
                "This endpoint takes application/json bodies only.",
            ),
            Self::BadRequest => row(
                "bad_request",
                400,
                "The request is malformed",
                "The request is not valid HTTP, or ambiguous.",
            ),
            Self::BodyTooLarge => row(
                "body_too_large",
                413,
                "The body is too large",
                "The request's body is larger than this endpoint takes.",
            ),
            Self::UriTooLong => row(
                "uri_too_long",
                414,
                "The request target is too long",
                "The request's path and query are longer than the gateway takes.",
            ),
            Self::HeadersTooLarge => row(
                "headers_too_large",
                431,
                "The header fields are too large",
                "The request's header fields are larger or more than the gateway takes.",
            ),
            Self::RequestTimeout => row(
                "request_timeout",
                408,
                "The request took too long",
                "The request did not arrive in time.",
            ),
            Self::UpstreamUnreachable => row(
                "upstream_unreachable",
                502,
                "The API cannot be reached",
                "The gateway could not get an answer from the API.",
            ),
            Self::NoHealthyUpstream => row(
                "no_healthy_upstream",
                503,
                "The API is down",
                "No server of the API is healthy now.",
            ),
            Self::UpstreamTimeout => row(
                "upstream_timeout",
                504,
                "The API took too long",
                "The API did not answer in time.",
            ),
            Self::Maintenance => row(
                "maintenance",
                503,
                "Under maintenance",
                "The API is closed for maintenance. Wait as long as Retry-After says.",
            ),
            Self::StoreUnavailable => row(
                "store_unavailable",
                503,
                "A part of the gateway is down",
                "The gateway cannot use its store now. Wait as long as Retry-After says.",
            ),
            Self::Overloaded => row(
                "overloaded",
                503,
                "The gateway is overloaded",
                "The gateway has too much to do now. Wait as long as Retry-After says.",
            ),
            Self::Unauthorized => row(
                "unauthorized",
                401,
                "The admin token is missing or not valid",
                "Send an admin token as: Authorization: Bearer <token>.",
            ),
            Self::Forbidden => row(
                "forbidden",
                403,
                "The admin token lacks the permission",
                "This admin token may not do this.",
            ),
            Self::NotFound => row(
                "not_found",
                404,
                "There is no such thing",
                "Nothing has this id or path.",
            ),
            Self::Conflict => row(
                "conflict",
                409,
                "This conflicts with what is there",
                "The request conflicts with the present state.",
            ),
            Self::Invalid => row(
                "invalid",
                422,
                "The request's content is not valid",
                "Some fields are not valid; see errors.",
            ),
            Self::NotAvailable => row(
                "not_available",
                501,
                "Not available yet",
                "This part of the API is not available yet.",
            ),
            Self::Internal => row(
                "internal",
                500,
                "The gateway failed",
                "The gateway failed in a way that it did not expect.",
            ),
        }
    }

    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        self.row().code
    }

    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        self.row().status
    }

    /// Its `error` attribute in `WWW-Authenticate` (RFC 6750 section 3.1), where it has a challenge with one.
    pub const fn bearer_error(self) -> Option<&'static str> {
        match self {
            Self::MalformedCredentials => Some("invalid_request"),
            Self::InvalidKey | Self::ExpiredKey | Self::RevokedKey => Some("invalid_token"),
            Self::InsufficientScope => Some("insufficient_scope"),
            _ => None,
        }
    }
}

/// Something wrong with one field of what a caller gave; shown in `errors` of an `invalid` answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Path of the field, e.g. `scopes[1]`; empty for the whole body.
    pub field: String,
    /// What is wrong and what was expected.
    pub message: String,
}

impl FieldError {
    /// A field and what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

/// A store's failure as the domains see it. Its text is for the log, never for a client.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be used now: full, locked, closed or unreachable. Trying later may work.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// As much is under way or held in memory as may be: the store is not even asked. Trying later may work.
    #[error("overloaded: {0}")]
    Overloaded(String),
    /// What was to be made is there already, or is not in the state that the call needs.
    #[error("conflict: {0}")]
    Conflict(String),
    /// What the call names is not there.
    #[error("not found")]
    NotFound,
    /// What is stored cannot be read: a newer layout or damage.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_statuses_are_errors() {
        let mut seen = std::collections::HashSet::new();
        for c in Code::ALL {
            assert!(seen.insert(c.as_str()), "{} twice", c.as_str());
            assert!((400..=599).contains(&c.status()));
            assert!(!c.row().detail.is_empty() && !c.row().title.is_empty());
        }
    }
}
