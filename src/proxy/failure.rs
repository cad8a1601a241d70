//! Which row of the error table a failed exchange is: a pure mapping of Pingora's errors; never an answer.

use pingora::{ErrorSource, ErrorType};

use crate::base::error::Code;

/// What is known of an exchange that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// What went wrong.
    pub kind: &'a ErrorType,
    /// On which side.
    pub source: &'a ErrorSource,
    /// Whether the client had not sent all of its body yet.
    pub body_pending: bool,
}

/// The answer to give; `None` where the client is gone and there is nobody to answer.
pub fn code(failed: &Failed<'_>) -> Option<Code> {
    match failed.source {
        ErrorSource::Downstream => downstream(failed.kind),
        ErrorSource::Upstream => Some(upstream(failed)),
        ErrorSource::Internal | ErrorSource::Unset => Some(Code::Internal),
    }
}

fn downstream(kind: &ErrorType) -> Option<Code> {
    match kind {
        ErrorType::ReadTimedout => Some(Code::RequestTimeout),
        ErrorType::ConnectionClosed
        | ErrorType::ReadError
        | ErrorType::WriteError
        | ErrorType::WriteTimedout
        | ErrorType::H2Error => None,
        _ => Some(Code::BadRequest),
    }
}

fn upstream(failed: &Failed<'_>) -> Code {
    match failed.kind {
        // The upstream waits for a body that the client does not send: the client is late, not the upstream.
        ErrorType::ReadTimedout if failed.body_pending => Code::RequestTimeout,
        ErrorType::ConnectTimedout
        | ErrorType::TLSHandshakeTimedout
        | ErrorType::ReadTimedout
        | ErrorType::WriteTimedout => Code::UpstreamTimeout,
        _ => Code::UpstreamUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: ErrorType, source: ErrorSource, body_pending: bool) -> Option<Code> {
        code(&Failed {
            kind: &kind,
            source: &source,
            body_pending,
        })
    }

    #[test]
    fn upstream_failures_tell_unreachable_from_late() {
        use ErrorSource::Upstream;
        for kind in [
            ErrorType::ConnectRefused,
            ErrorType::ConnectError,
            ErrorType::InvalidHTTPHeader,
            ErrorType::ConnectionClosed,
            ErrorType::TLSHandshakeFailure,
        ] {
            assert_eq!(of(kind, Upstream, false), Some(Code::UpstreamUnreachable));
        }
        for kind in [ErrorType::ConnectTimedout, ErrorType::ReadTimedout] {
            assert_eq!(of(kind, Upstream, false), Some(Code::UpstreamTimeout));
        }
        let late_client = of(ErrorType::ReadTimedout, Upstream, true);
        assert_eq!(late_client, Some(Code::RequestTimeout));
    }

    #[test]
    fn a_client_that_is_gone_gets_no_answer() {
        use ErrorSource::Downstream;
        assert_eq!(of(ErrorType::ConnectionClosed, Downstream, true), None);
        assert_eq!(
            of(ErrorType::ReadTimedout, Downstream, true),
            Some(Code::RequestTimeout)
        );
        assert_eq!(
            of(ErrorType::InvalidHTTPHeader, Downstream, true),
            Some(Code::BadRequest)
        );
        assert_eq!(
            of(ErrorType::InternalError, ErrorSource::Internal, false),
            Some(Code::Internal)
        );
    }
}
