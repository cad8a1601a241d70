//! Reads the lines of a stream of events; never what they mean.

use reqwest::Response;

use crate::base::ceilings::{CLIENT_RESPONSE_BYTES, LISTEN_SILENCE};
use crate::cli::client::CliError;
use crate::cli::client::http::Admin;
use crate::webhooks::feed::Line;

/// The lines of an answer that goes on.
pub(super) struct Lines {
    response: Response,
    /// What was read and is not given out yet.
    buffer: Vec<u8>,
    /// How much of it holds no line feed.
    searched: usize,
    most: usize,
}

impl Lines {
    pub(super) fn new(response: Response) -> Self {
        Self {
            response,
            buffer: Vec::new(),
            searched: 0,
            most: CLIENT_RESPONSE_BYTES,
        }
    }

    /// The next line; `None` where the stream has ended. Part of a line at the end is none.
    ///
    /// # Errors
    /// The stream broke off or went silent, or says what no stream of events says.
    pub(super) async fn next(&mut self, admin: &Admin) -> Result<Option<Line>, CliError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|b| *b == b'\n') {
                let rest = self.buffer.split_off(self.searched + at + 1);
                let line = std::mem::replace(&mut self.buffer, rest);
                self.searched = 0;
                return match serde_json::from_slice(&line) {
                    Ok(line) => Ok(Some(line)),
                    Err(_) => Err(CliError::Unexpected(
                        "a line of the stream cannot be understood: is the gateway of another version?"
                            .to_owned(),
                    )),
                };
            }
            self.searched = self.buffer.len();
            let chunk = tokio::time::timeout(LISTEN_SILENCE, self.response.chunk())
                .await
                .map_err(|_| admin.unreachable_because("the stream went silent".to_owned()))?
                .map_err(|e| admin.unreachable(&e))?;
            let Some(chunk) = chunk else {
                return Ok(None);
            };
            if self.buffer.len() + chunk.len() > self.most {
                return Err(CliError::Unexpected(format!(
                    "a line of the stream is larger than {} bytes",
                    self.most
                )));
            }
            self.buffer.extend_from_slice(&chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use axum::Router;
    use axum::body::Body;

    use super::*;
    use crate::base::secret::Secret;
    use crate::cli::client::Connection;

    /// A stream of these pieces, each in a write of its own, and its client.
    async fn stream_of(pieces: &'static [&'static str]) -> (Lines, Admin) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let answer = async move || {
            let pieces = futures_util::stream::unfold(pieces, async |rest| {
                let (first, rest) = rest.split_first()?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                Some((Ok::<_, Infallible>(*first), rest))
            });
            Body::from_stream(pieces)
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection {
            admin_url: format!("http://{}", listener.local_addr().unwrap()),
            admin_token_file: None,
            admin_ca_file: None,
            actor: None,
            json: false,
        };
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let admin = Admin::new(&connection, Secret::new("t0ken")).unwrap();
        let limit = Duration::from_secs(20);
        let response = admin.stream(&["event-stream"], &[], limit).await.unwrap();
        (Lines::new(response), admin)
    }

    fn position(sequence: u64) -> Line {
        Line::Position { sequence, id: None }
    }

    #[tokio::test]
    async fn lines_are_whole_however_they_are_cut_and_part_of_one_is_none() {
        let (mut lines, admin) = stream_of(&[
            "{\"position\":{\"sequ",
            "ence\":1}}\n{\"position\":{\"sequence\":2}}",
            "\n{\"position\":{\"sequence\":3}}\n{\"position\":{\"sequence\":4,\"id\":null}}\n",
            "{\"position\":{\"sequence\":5",
        ])
        .await;
        for n in 1..=4 {
            assert_eq!(lines.next(&admin).await.unwrap(), Some(position(n)));
        }
        assert_eq!(lines.next(&admin).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_line_of_a_stream_is_told() {
        let (mut lines, admin) = stream_of(&["<html>\n"]).await;
        let error = lines.next(&admin).await.unwrap_err();
        assert!(error.to_string().contains("another version"), "{error}");
        let (mut lines, admin) = stream_of(&["{\"position\":", "{\"sequence\":1}}\n"]).await;
        lines.most = 20;
        let error = lines.next(&admin).await.unwrap_err();
        assert!(error.to_string().contains("20 bytes"), "{error}");
    }
}
