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
