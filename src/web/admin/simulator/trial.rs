//! An exchange as somebody typed or recorded it, and the way it takes through routes and rules; never a request to anybody.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::base::ceilings::simulator::{DRY_RUN_BODY_BYTES, DRY_RUN_HEADERS};
use crate::base::error::FieldError;
use crate::config::model::{Config, Route};
use crate::routing::{self, Found, Router};
use crate::webhooks::facts::FactSources;
use crate::webhooks::rules::EventRules;
use crate::webhooks::settlement::CapturedBody;
use crate::webhooks::simulator::dry_run::{self, Answer, Trial};

/// Header fields and body of a request or a response, as they were given.
pub(super) struct Side {
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: CapturedBody,
}

/// A request as it was given.
pub(super) struct TypedRequest {
    pub(super) method: String,
    /// A whole URL, or path and query.
    pub(super) url: String,
    pub(super) side: Side,
}

/// A response as it was given.
pub(super) struct TypedResponse {
    pub(super) status: u16,
    pub(super) side: Side,
}

/// An exchange that can be tried.
pub(super) struct Exchange {
    account_id: String,
    method: Method,
    host: Option<String>,
    path: String,
    query: Option<String>,
    request_headers: HeaderMap,
    request: CapturedBody,
    status: u16,
    response_headers: HeaderMap,
    response: CapturedBody,
}

/// A route and the values of its parameters.
type Matched = (Arc<Route>, Vec<(String, String)>);

/// What comes of an exchange.
pub(super) struct Outcome {
    pub(super) route: Option<Arc<Route>>,
    pub(super) why_no_route: Option<String>,
    pub(super) answers: Vec<Answer>,
}

impl Exchange {
    /// Reads what was given.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub(super) fn new(
        account_id: String,
        request: TypedRequest,
        response: TypedResponse,
    ) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let method = Method::from_bytes(request.method.as_bytes());
        if method.is_err() {
            errors.push(FieldError::new(
                "request.method",
                "expected a method such as POST",
            ));
        }
        if !(200..=599).contains(&response.status) {
            errors.push(FieldError::new("response.status", "expected 200 to 599"));
        }
        let request_headers = fields("request", &request.side, &mut errors);
        let response_headers = fields("response", &response.side, &mut errors);
        let (host, path, query) = target(&request.url);
        if !path.starts_with('/') {
            let form = "expected a URL, or a path that begins with /";
            errors.push(FieldError::new("request.url", form));
        }
        let (Ok(method), true) = (method, errors.is_empty()) else {
            return Err(errors);
        };
        let named = request_headers.get(header::HOST);
        let named = named.and_then(|v| v.to_str().ok()).map(bare_host);
        Ok(Self {
            account_id,
            host: host.map(bare_host).or(named),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            // A response without a body has none, whatever was written beside it.
            response: match (&method, response.status) {
                (&Method::HEAD, _) | (_, 204 | 304) => CapturedBody::none(),
                _ => response.side.body,
            },
            method,
            request_headers,
            request: request.side.body,
            status: response.status,
            response_headers,
        })
    }

    /// Takes it the way that a request takes through `config`: to its route, and to the rules that watch that. Compiles
    /// all rules, so that it is nothing for a thread that others wait for.
    ///
    /// # Errors
    /// Why the configuration cannot be used; one that is in use always can.
    pub(super) fn run(mut self, config: &Config) -> Result<Outcome, String> {
        let router = Router::build(&config.routes).map_err(|e| e.to_string())?;
        let rules = EventRules::build(config)
            .map_err(|all| all.iter().map(ToString::to_string).collect::<String>())?;
        let ceiling = config.ceilings.captured_body_bytes;
        for body in [&mut self.request, &mut self.response] {
            if body.bytes.len() > ceiling {
                *body = CapturedBody::lost();
            }
        }
        let (path, found) = self.route(&router);
        let (found, why_no_route) = match found {
            Ok(found) => (Some(found), None),
            Err(why) => (None, Some(why)),
        };
        let (route, params) = found.unzip();
        let params = params.unwrap_or_default();
        let trial = Trial {
            route: route.as_deref(),
            facts: FactSources {
                method: &self.method,
                path: &path,
                query: self.query.as_deref(),
                params: &params,
                request_headers: &self.request_headers,
                status: self.status,
                response_headers: &self.response_headers,
                route: route.as_ref().map_or("", |r| &r.path),
                account_id: &self.account_id,
            },
            request: self.request.clone(),
            response: self.response.clone(),
        };
        let answers = dry_run::explain(&config.events, &rules, &trial);
        Ok(Outcome {
            route,
            why_no_route,
            answers,
        })
    }

    /// The path as it is matched, and the route with what the path has in its names' places, or why there is none.
    fn route(&self, router: &Router) -> (String, Result<Matched, String>) {
        let path = match routing::canonical(&self.path) {
            Ok(path) => path.into_owned(),
            Err(e) => return (self.path.clone(), Err(e.to_string())),
        };
        let found = match router.find(self.host.as_deref(), &self.method, &path) {
            Found::Route { .. } if self.method == Method::TRACE => {
                Err("TRACE is never forwarded".to_owned())
            }
            Found::Route { route, params } => Ok((route.clone(), params.decoded(&path))),
            Found::MethodNotAllowed { allow } => {
                let method = &self.method;
                Err(format!(
                    "{path} has no route for {method}, only for {allow}"
                ))
            }
            Found::NotFound => Err(format!("no route matches {path}")),
        };
        (path, found)
    }
}

/// A body as text, for [`Side`].
pub(super) fn body(text: Option<String>) -> CapturedBody {
    text.map_or(CapturedBody::none(), |t| {
        CapturedBody::whole(Bytes::from(t))
    })
}

fn fields(of: &str, side: &Side, errors: &mut Vec<FieldError>) -> HeaderMap {
    let mut map = HeaderMap::new();
    if side.headers.len() > DRY_RUN_HEADERS {
        let most = format!("expected at most {DRY_RUN_HEADERS} fields");
        errors.push(FieldError::new(format!("{of}.headers"), most));
        return map;
    }
    for (name, value) in &side.headers {
        let field = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        );
        match field {
            (Ok(name), Ok(value)) => drop(map.append(name, value)),
            _ => {
                let field = format!("{of}.headers.{name}");
                errors.push(FieldError::new(field, "expected a header field"));
            }
        }
    }
    if side.body.bytes.len() > DRY_RUN_BODY_BYTES {
        let most = format!("expected at most {DRY_RUN_BODY_BYTES} bytes");
        errors.push(FieldError::new(format!("{of}.body"), most));
    }
    map
}

/// Host, path and query of a URL, or of a path with a query. A fragment is never sent.
fn target(url: &str) -> (Option<&str>, &str, Option<&str>) {
    let url = url.split('#').next().unwrap_or_default();
    let (host, rest) = match url.split_once("://") {
        Some(("http" | "https", rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(end);
            (Some(authority), rest)
        }
        _ => (None, url),
    };
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path = if path.is_empty() && host.is_some() {
        "/"
    } else {
        path
    };
    (host, path, query)
}

/// A host in lower case, without its port, as routes name it.
fn bare_host(authority: &str) -> String {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let without_port = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    without_port.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_gives_host_path_and_query() {
        for (url, host, path, query) in [
            ("/v1/x?a=b?c#d", None, "/v1/x", Some("a=b?c")),
            (
                "https://u@API.example.com:8443/v1/x",
                Some("api.example.com"),
                "/v1/x",
                None,
            ),
            ("http://[::1]:80?q", Some("[::1]"), "/", Some("q")),
            ("http://[::1]", Some("[::1]"), "/", None),
            ("https://x", Some("x"), "/", None),
            ("v1/x", None, "v1/x", None),
        ] {
            let (h, p, q) = target(url);
            assert_eq!(h.map(bare_host).as_deref(), host, "{url}");
            assert_eq!((p, q), (path, query), "{url}");
        }
    }

    #[test]
    fn everything_that_cannot_be_read_is_named() {
        let side = || Side {
            headers: vec![("bad name".to_owned(), "x".to_owned())],
            body: CapturedBody::none(),
        };
        let request = TypedRequest {
            method: "NO SPACES".to_owned(),
            url: "x".to_owned(),
            side: side(),
        };
        let response = TypedResponse {
            status: 99,
            side: side(),
        };
        let errors = Exchange::new("acct_1".to_owned(), request, response)
            .err()
            .unwrap();
        let named: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
        assert_eq!(
            named,
            [
                "request.method",
                "response.status",
                "request.headers.bad name",
                "response.headers.bad name",
                "request.url"
            ]
        );
    }
}
