//! Reads an entry of a HAR file (HTTP Archive 1.2), which browsers and proxies export; never another member than dry runs need.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::trial::{Side, TypedRequest, TypedResponse};
use crate::base::error::FieldError;
use crate::webhooks::settlement::CapturedBody;

/// An entry. What is not named here is not looked at.
#[derive(Deserialize)]
pub(super) struct Entry {
    request: Request,
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default, rename = "postData")]
    post_data: Option<PostData>,
}

#[derive(Deserialize)]
struct PostData {
    #[serde(default)]
    text: Option<String>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    #[serde(default)]
    headers: Vec<Pair>,
    #[serde(default)]
    content: Content,
}

#[derive(Deserialize, Default)]
struct Content {
    #[serde(default)]
    size: i64,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    value: String,
}

impl Entry {
    /// The exchange that was recorded.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn into_exchange(self) -> Result<(TypedRequest, TypedResponse), FieldError> {
        let Self { request, response } = self;
        let body = match request.post_data {
            None => CapturedBody::none(),
            // Forms are recorded as their parameters: how they were written is lost.
            Some(PostData { text: None }) => CapturedBody::lost(),
            Some(PostData { text: Some(text) }) => CapturedBody::whole(text.into()),
        };
        let content = response.content;
        let answer = match (content.text, content.encoding.as_deref()) {
            (None, _) if content.size > 0 => CapturedBody::lost(),
            (None, _) => CapturedBody::none(),
            (Some(text), None | Some("")) => CapturedBody::whole(text.into()),
            (Some(text), Some("base64")) => {
                let bytes = STANDARD.decode(text).map_err(|_| {
                    FieldError::new("har_entry.response.content.text", "expected base64")
                })?;
                CapturedBody::whole(Bytes::from(bytes))
            }
            (Some(_), Some(_)) => {
                let field = "har_entry.response.content.encoding";
                return Err(FieldError::new(field, "expected base64 or nothing"));
            }
        };
        // The text is recorded decoded, and on routes with rules the gateway asks for no encoding anyway.
        let encoded = |p: &Pair| p.name.eq_ignore_ascii_case("content-encoding");
        let headers = response.headers.into_iter().filter(|p| !encoded(p));
        Ok((
            TypedRequest {
                method: request.method,
                url: request.url,
                side: Side {
                    headers: pairs(request.headers.into_iter()),
                    body,
                },
            },
            TypedResponse {
                status: response.status,
                side: Side {
                    headers: pairs(headers),
                    body: answer,
                },
            },
        ))
    }
}

/// Fields as they were sent; what HTTP/2 writes with a colon before it is none.
fn pairs(all: impl Iterator<Item = Pair>) -> Vec<(String, String)> {
    all.filter(|p| !p.name.starts_with(':'))
        .map(|p| (p.name, p.value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(entry: Value) -> Result<(TypedRequest, TypedResponse), FieldError> {
        serde_json::from_value::<Entry>(entry)
            .unwrap()
            .into_exchange()
    }

    fn entry(content: Value) -> Value {
        json!({
            "startedDateTime": "2026-11-27T10:00:00.000Z", "time": 12.5, "cache": {}, "timings": {},
            "request": {
                "method": "POST", "url": "https://api.example.com/v1/contacts?x=1", "httpVersion": "h2",
                "headers": [{"name": ":authority", "value": "api.example.com"},
                    {"name": "Content-Type", "value": "application/json"}],
                "postData": {"mimeType": "application/json", "text": "{\"name\":\"Ada\"}"},
                "cookies": [], "queryString": [], "headersSize": -1, "bodySize": 14
            },
            "response": {
                "status": 201, "statusText": "", "redirectURL": "",
                "headers": [{"name": "content-encoding", "value": "gzip"}, {"name": "location", "value": "/v1/contacts/c_1"}],
                "content": content, "cookies": [], "headersSize": -1, "bodySize": -1
            }
        })
    }

    #[test]
    fn an_entry_gives_the_exchange_that_was_recorded() {
        let content =
            json!({"size": 12, "mimeType": "application/json", "text": "{\"id\":\"c_1\"}"});
        let (request, response) = read(entry(content)).unwrap();
        assert_eq!((request.method.as_str(), response.status), ("POST", 201));
        assert_eq!(request.url, "https://api.example.com/v1/contacts?x=1");
        assert_eq!(request.side.headers.len(), 1);
        assert_eq!(&request.side.body.bytes[..], b"{\"name\":\"Ada\"}");
        assert_eq!(
            response.side.headers,
            [("location".to_owned(), "/v1/contacts/c_1".to_owned())]
        );
        assert_eq!(&response.side.body.bytes[..], b"{\"id\":\"c_1\"}");
    }

    #[test]
    fn a_body_may_be_base64_left_out_or_not_there() {
        let body = |content: Value| read(entry(content)).unwrap().1.side.body;
        let coded = body(json!({"size": 2, "text": "e30=", "encoding": "base64"}));
        assert_eq!(&coded.bytes[..], b"{}");
        assert!(!body(json!({"size": 9})).is_complete);
        let none = body(json!({"size": 0}));
        assert!(none.is_complete && none.bytes.is_empty());
        for bad in [
            json!({"size": 2, "text": "!", "encoding": "base64"}),
            json!({"size": 2, "text": "x", "encoding": "br"}),
        ] {
            assert!(read(entry(bad)).is_err());
        }
        let mut form = entry(json!({}));
        form["request"]["postData"] =
            json!({"mimeType": "application/x-www-form-urlencoded", "params": []});
        assert!(!read(form).unwrap().0.side.body.is_complete);
    }
}
