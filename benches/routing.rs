//! Time to bring a path into its canonical form and find its route among those of a CRM; nothing is forwarded.

use std::hint::black_box;
use std::sync::Arc;

use criterion::Criterion;
use fuelgate::config::model::{Auth, Route};
use fuelgate::routing::{Found, Router, RouterError, Weighted, canonical};
use http::Method;

fn routes() -> Vec<Arc<Route>> {
    let kinds = [
        "contacts",
        "deals",
        "activities",
        "automations",
        "users",
        "reports",
    ];
    let paths = kinds.iter().flat_map(|k| {
        ["", "/search", "/{id}", "/{id}/notes", "/{id}/notes/{note}"].map(|t| format!("/v1/{k}{t}"))
    });
    let route = |(index, path): (usize, String)| {
        Arc::new(Route {
            index,
            path: path.into(),
            hosts: Vec::new(),
            methods: vec![Method::GET, Method::POST],
            auth: Auth::Key,
            scopes: Vec::new(),
            split: vec![(0, 1)],
            rewrite: None,
            cost: 1,
            json_only: false,
            body_bytes: None,
            deprecated: None,
            events: Vec::new(),
        })
    };
    paths.enumerate().map(route).collect()
}

fn main() -> Result<(), RouterError> {
    let mut c = Criterion::default().configure_from_args();
    let router = Router::build(&routes())?;
    for (name, path) in [
        ("route/literal", "/v1/contacts"),
        ("route/one name", "/v1/contacts/42"),
        (
            "route/two names",
            "/v1/reports/42/notes/0190c2a4-7e1b-7f3a-9d51-1a2b3c4d5e6f",
        ),
        (
            "route/name to be read leniently",
            "/v1/contacts/Mary%40example.com",
        ),
        ("route/none", "/v1/contacts/42/nothing"),
    ] {
        c.bench_function(name, |b| {
            b.iter(|| match canonical(black_box(path)) {
                Ok(path) => !matches!(router.find(None, &Method::GET, &path), Found::NotFound),
                Err(_) => false,
            });
        });
    }
    let split = Weighted::new(&[95, 5]);
    c.bench_function("route/weighted pick", |b| {
        b.iter(|| black_box(split.pick()))
    });
    c.final_summary();
    Ok(())
}
