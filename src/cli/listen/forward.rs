//! Signs an event as a webhook and sends it to the local URL, once; never decides whether again.

use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::base::ceilings::LISTEN_FORWARD_TIME;
use crate::base::clock::Clock;
use crate::base::secret::Secret;
use crate::cli::client::CliError;
use crate::cli::client::http::cause;
use crate::webhooks::sign::{self, SigningKey};

/// The environment variable with the secret to sign with, the same that the guide's receivers take theirs from.
const SECRET_VARIABLE: &str = "WEBHOOK_SECRET";

/// Sends events to one URL.
pub(super) struct Forwarder {
    client: Client,
    url: Url,
    key: SigningKey,
    clock: Clock,
}

/// What came of sending an event once.
pub(super) struct Sent {
    /// The status that was answered, or why there was none.
    pub(super) result: Result<u16, String>,
    pub(super) latency: Duration,
}

impl Sent {
    /// Whether the receiver has it.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.result, Ok(200..=299))
    }
}

impl Forwarder {
    /// A forwarder to `url`, and the secret where one was made for it.
    ///
    /// # Errors
    /// A URL or secret that cannot be used.
    pub(super) fn new(url: &str) -> Result<(Self, Option<Secret>), CliError> {
        let given = std::env::var(SECRET_VARIABLE).ok().map(Secret::new);
        Self::with(url, given)
    }

    fn with(url: &str, given: Option<Secret>) -> Result<(Self, Option<Secret>), CliError> {
        let bad = |why: &str| CliError::usage(format!("--forward-to {url}: {why}"));
        let target: Url = url
            .parse()
            .map_err(|_| bad("is not a URL such as http://127.0.0.1:8000/hooks"))?;
        if !matches!(target.scheme(), "http" | "https") || !target.has_host() {
            return Err(bad("must begin with http:// or https://"));
        }
        if !target.username().is_empty() || target.password().is_some() {
            return Err(bad("must not hold a user or a password"));
        }
        let made = match given {
            Some(_) => None,
            None => Some(
                sign::generate()
                    .map_err(|e| CliError::usage(format!("no secret can be made: {e}")))?,
            ),
        };
        let secret = given.as_ref().or(made.as_ref());
        let key = secret.and_then(SigningKey::new).ok_or_else(|| {
            CliError::usage(format!(
                "{SECRET_VARIABLE} must be whsec_ and base64 of 24 to 64 bytes"
            ))
        })?;
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(LISTEN_FORWARD_TIME)
            .build()
            .map_err(|e| CliError::usage(format!("no HTTP client can be made: {e}")))?;
        let forwarder = Self {
            client,
            url: target,
            key,
            clock: Clock::system(),
        };
        Ok((forwarder, made))
    }

    /// Where events go.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends one event, signed as of now.
    pub(super) async fn send(&self, id: &str, body: &str) -> Sent {
        let timestamp = self.clock.now().secs();
        let keys = std::slice::from_ref(&self.key);
        let began = Instant::now();
        let answered = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp.to_string())
            .header(
                "webhook-signature",
                sign::signatures(keys, id, timestamp, body),
            )
            .body(body.to_owned())
            .send()
            .await;
        Sent {
            result: match answered {
                Ok(answer) => Ok(answer.status().as_u16()),
                Err(error) => Err(cause(&error)),
            },
            latency: began.elapsed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str, secret: Option<&str>) -> Result<Option<Secret>, CliError> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Forwarder::with(url, secret.map(Secret::new)).map(|(_, made)| made)
    }

    #[test]
    fn what_cannot_be_sent_to_or_signed_with_is_refused_at_once() {
        for url in ["", "localhost:8000", "ftp://x/", "http://u:p@x/", "/hooks"] {
            assert_eq!(with(url, None).unwrap_err().exit_code(), 2, "{url}");
        }
        let url = "http://127.0.0.1:8000/hooks?x=1";
        for secret in ["", "whsec_", "secret"] {
            let error = with(url, Some(secret)).unwrap_err();
            assert!(error.to_string().contains("WEBHOOK_SECRET"), "{error}");
        }
        let given = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        assert!(with(url, Some(given)).unwrap().is_none());
        assert!(with(url, None).unwrap().is_some(), "one is made");
    }
}
