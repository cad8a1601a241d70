//! A stand-in for the admin API that remembers what it was asked; for tests of the commands only.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use serde_json::Value;

use super::Connection;
use super::http::Admin;
use crate::base::secret::Secret;

#[derive(Default)]
struct Seen {
    requests: Vec<String>,
    answers: Vec<(u16, Value)>,
    location: Option<&'static str>,
}

/// The stand-in; it stops when it is dropped.
pub struct Fake {
    address: std::net::SocketAddr,
    seen: Arc<Mutex<Seen>>,
    server: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// Answers everything the same way.
    pub async fn start(status: u16, answer: Value) -> Self {
        Self::sequence(vec![(status, answer)]).await
    }

    /// Answers one after the other, and the last again and again.
    pub async fn sequence(mut answers: Vec<(u16, Value)>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        answers.reverse();
        let seen = Arc::new(Mutex::new(Seen {
            requests: Vec::new(),
            answers,
            location: None,
        }));
        let router = Router::new().fallback(answer).with_state(seen.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self {
            address,
            seen,
            server,
        }
    }

    /// Sends everybody elsewhere.
    pub async fn redirecting(to: &'static str) -> Self {
        let fake = Self::start(302, Value::Null).await;
        fake.seen.lock().location = Some(to);
        fake
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of it.
    pub fn admin(&self) -> Admin {
        let connection = Connection {
            admin_url: self.url(),
            admin_token_file: None,
            admin_ca_file: None,
            actor: None,
            json: false,
        };
        Admin::new(&connection, Secret::new("t0ken")).unwrap()
    }

    /// Method, target and body of each request.
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().requests.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(seen): State<Arc<Mutex<Seen>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    assert_eq!(parts.headers[AUTHORIZATION], "Bearer t0ken");
    let body = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let line = format!("{} {} {body}", parts.method, parts.uri);
    let mut seen = seen.lock();
    seen.requests.push(line.trim().to_owned());
    let (status, answer) = match seen.answers.len() {
        1 => seen.answers[0].clone(),
        _ => seen.answers.pop().unwrap(),
    };
    let status = http::StatusCode::from_u16(status).unwrap();
    if answer.is_null() {
        let location = seen.location.map(|l| (LOCATION, l));
        return (status, axum::response::AppendHeaders(location)).into_response();
    }
    let body = answer.to_string();
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Arguments as the command line would give them.
pub fn parse<A: clap::Args>(flags: &[&str]) -> Result<A, clap::Error> {
    let command = A::augment_args(clap::Command::new("test"));
    let matches = command.try_get_matches_from([&["test"], flags].concat())?;
    A::from_arg_matches(&matches)
}
