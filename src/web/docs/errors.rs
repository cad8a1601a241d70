//! What each error of the gateway means to who gets it, and what helps; never its status or its title, which the table of errors has.

use crate::base::error::Code;

/// What is said of an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorDoc {
    /// The error.
    pub(crate) code: Code,
    /// When it comes; CommonMark.
    pub(crate) meaning: &'static str,
    /// What to do about it; CommonMark.
    pub(crate) remedy: &'static str,
    /// Whether the same request may succeed later.
    pub(crate) retry: Retry,
}

/// Whether to send the same request again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It will be refused again.
    Never,
    /// Once the time in `Retry-After` is over.
    After,
    /// After a short while, and longer with each time.
    Backoff,
}

impl Retry {
    /// A sentence about it.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Never => "Do not send the same request again: it will be refused again.",
            Self::After => "Send the request again once the seconds in `Retry-After` are over.",
            Self::Backoff => {
                "Send the request again after a second, and wait twice as long with each further time. A POST may have been carried out: look before you send it again."
            }
        }
    }

    /// A word for a table.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Never => "No",
            Self::After => "After Retry-After",
            Self::Backoff => "With pauses",
        }
    }
}

/// Every error.
pub(crate) fn all() -> impl Iterator<Item = ErrorDoc> {
    Code::ALL.into_iter().map(of)
}

/// The error of this code.
pub(crate) fn find(code: &str) -> Option<ErrorDoc> {
    all().find(|e| e.code.as_str() == code)
}

/// Whether only the operators' API has it.
pub(crate) const fn is_of_operators(code: Code) -> bool {
    matches!(
        code,
        Code::Unauthorized
            | Code::Forbidden
            | Code::NotFound
            | Code::Conflict
            | Code::Invalid
            | Code::NotAvailable
    )
}

/// What is said of an error.
pub(crate) const fn of(code: Code) -> ErrorDoc {
    let (meaning, remedy, retry) = match code {
        Code::MissingCredentials => (
            "The request has no `Authorization` header, or one of another scheme than `Bearer`. A key in the query or in another header does not count.",
            "Send your key as `Authorization: Bearer <key>`. See [Authentication](/docs/guides/authentication).",
            Retry::Never,
        ),
        Code::MalformedCredentials => (
            "There is more than one credential, or one that cannot be read: two `Authorization` headers, a key in the header and in the query, an empty token, characters that no key has.",
            "Send exactly one key, in one `Authorization` header. Look for a line break or a quotation mark that came along when the key was copied.",
            Retry::Never,
        ),
        Code::InvalidKey => (
            "No key has this value. It was mistyped, cut off, or is a key of another system.",
            "Compare the prefix and the last four characters with those in the list of keys. A secret that is lost cannot be shown again: rotate the key, or generate a new one.",
            Retry::Never,
        ),
        Code::ExpiredKey => (
            "The key was valid until its expiry date, which is past.",
            "Generate a new key and put it in place of the old one. To be told in time, set an alert for keys that expire.",
            Retry::Never,
        ),
        Code::RevokedKey => (
            "Somebody revoked or disabled the key, or the grace period after a rotation is over and this is the old secret.",
            "Use the new secret, or generate a new key. A key that was disabled can be enabled again; one that was revoked cannot.",
            Retry::Never,
        ),
        Code::InsufficientScope => (
            "The key is valid, but has not all of the scopes that the endpoint needs. `WWW-Authenticate` names those that are missing in `scope`.",
            "Add the scope to the key, or use another key. Writing does not include reading: a program that does both needs both. See [Scopes](/docs/guides/scopes).",
            Retry::Never,
        ),
        Code::AddressNotAllowed => (
            "The key may only be used from certain network addresses, and yours is not among them.",
            "Add the address to the key's allowed addresses. Behind a proxy or a NAT it is that one's public address.",
            Retry::Never,
        ),
        Code::AccountSuspended => (
            "The account that the key belongs to is suspended; all its keys are refused.",
            "Get in touch with us.",
            Retry::Never,
        ),
        Code::RateLimited => (
            "Requests come faster than the limit allows for longer than its burst can bear. `violated-policies` names the limit.",
            "Wait as long as `Retry-After` says, then go on more slowly. `RateLimit` on every answer says how much is left. See [Rate limits](/docs/guides/rate-limits).",
            Retry::After,
        ),
        Code::QuotaExceeded => (
            "The account has used up its requests of this hour or this month. `violated-policies` names the quota.",
            "Wait as long as `Retry-After` says, which is when the hour or the month (UTC) is over; or ask for a larger plan. Usage shows which keys and endpoints took most.",
            Retry::After,
        ),
        Code::RouteNotFound => (
            "No endpoint has this path. Paths are compared as they are written: upper case, a slash at the end or a missing version make another path.",
            "Compare the path with the [reference](/docs/api).",
            Retry::Never,
        ),
        Code::MethodNotAllowed => (
            "The path is right, but has no such method. `Allow` lists those it has.",
            "Use one of the methods in `Allow`.",
            Retry::Never,
        ),
        Code::UnsupportedMediaType => (
            "The endpoint takes JSON, and the body is said to be something else, or nothing is said.",
            "Send `Content-Type: application/json` with the body.",
            Retry::Never,
        ),
        Code::BadRequest => (
            "The request is not valid HTTP, or could be understood in two ways: a path with `..`, an encoded slash, two lengths, no `Host`.",
            "Use an HTTP library rather than building requests by hand, and percent-encode what you put into paths and queries.",
            Retry::Never,
        ),
        Code::BodyTooLarge => (
            "The body is larger than the endpoint takes.",
            "Send less at once, in several requests.",
            Retry::Never,
        ),
        Code::UriTooLong => (
            "Path and query together are too long.",
            "Put long lists into several requests.",
            Retry::Never,
        ),
        Code::HeadersTooLarge => (
            "The header fields are too large, or too many.",
            "Leave out cookies and fields that the API does not need.",
            Retry::Never,
        ),
        Code::RequestTimeout => (
            "The request did not arrive in time: the connection is very slow, or the body was announced and not sent.",
            "Send the request again. If it happens often, look at the network between you and us.",
            Retry::Backoff,
        ),
        Code::UpstreamUnreachable => (
            "The API did not answer, or broke off before its answer. The request may have been carried out.",
            "Read what you wanted to change before you write it again.",
            Retry::Backoff,
        ),
        Code::NoHealthyUpstream => (
            "No server of the API can be used now. The request was not carried out.",
            "Try again later.",
            Retry::Backoff,
        ),
        Code::UpstreamTimeout => (
            "The API did not answer in time. The request may have been carried out, or may still be.",
            "Read what you wanted to change before you write it again. Ask for smaller pages where a list takes long.",
            Retry::Backoff,
        ),
        Code::Maintenance => (
            "The API is closed for maintenance. Reading may still be possible while writing is not.",
            "Wait as long as `Retry-After` says.",
            Retry::After,
        ),
        Code::StoreUnavailable => (
            "A part of the gateway is down, so that it cannot tell whether the request may pass, or cannot keep its event. The request was not carried out.",
            "Wait as long as `Retry-After` says. Nothing is wrong with your key.",
            Retry::After,
        ),
        Code::Overloaded => (
            "There is more to do at the moment than can be done. The request was not carried out.",
            "Wait as long as `Retry-After` says.",
            Retry::After,
        ),
        Code::Unauthorized => (
            "A call of the operators' API has no token, or one that is not valid. API keys are no such tokens.",
            "Send one of the operator's tokens as `Authorization: Bearer <token>`.",
            Retry::Never,
        ),
        Code::Forbidden => (
            "The token of the operators' API has not the permission that this call needs.",
            "Use a token with the permission that the error names.",
            Retry::Never,
        ),
        Code::NotFound => (
            "The operators' API knows nothing of this id, or has no such path.",
            "Check the id. What was deleted stays gone.",
            Retry::Never,
        ),
        Code::Conflict => (
            "The call does not fit what is there: it was changed or ended meanwhile, or the same `Idempotency-Key` was used for another request.",
            "Read the object again, then decide.",
            Retry::Never,
        ),
        Code::Invalid => (
            "Some fields of the request are not acceptable. `errors` names each with what was expected.",
            "Correct the fields in `errors`.",
            Retry::Never,
        ),
        Code::NotAvailable => (
            "This version has no such part of the operators' API.",
            "Update the gateway.",
            Retry::Never,
        ),
        Code::Internal => (
            "The gateway failed in a way that nobody expected. It is our fault, not yours.",
            "If it happens again, tell us the request id.",
            Retry::Backoff,
        ),
    };
    ErrorDoc {
        code,
        meaning,
        remedy,
        retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_that_says_when_to_come_again_is_told_so() {
        for doc in all() {
            let status = doc.code.status();
            let waits = matches!(status, 429) || doc.code.row().detail.contains("Retry-After");
            assert_eq!(doc.retry == Retry::After, waits, "{}", doc.code.as_str());
            assert!(doc.retry != Retry::Never || status < 500 || status == 501);
        }
        assert!(find("rate_limited").is_some() && find("none").is_none());
    }
}
