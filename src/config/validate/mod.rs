//! Turns file shapes into the valid model and reports everything that a schema cannot say; never opens a listener or a store.

mod access;
mod events;
mod listen;
mod plans;
mod portal;
mod redis;
mod routes;
mod smtp;
mod state;
mod tls;
mod upstreams;
mod webhooks;
mod words;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::file::ConfigFile;
use super::model::{Api, Config};
use super::report::{MAX_PROBLEMS, Problem, Report};
use super::tree::{Node, Place, Step, steps};
use super::{Env, LoadOptions, expand, shape, yaml};
use crate::base::hex;

/// What all checks share.
pub(super) struct Check<'a> {
    pub(super) source: &'a Path,
    pub(super) options: &'a LoadOptions<'a>,
    /// What is left of the file after the schema's check.
    root: &'a Node,
    /// Names as they were written, also of what the schema's check took out: a reference to those is no problem of its own.
    written: Written,
    report: &'a mut Report,
    /// Files that were read besides the configuration file.
    pub(super) files: Vec<PathBuf>,
    /// Whether every OpenAPI document could be read.
    pub(super) documents_read: bool,
}

/// Names that the file defines.
#[derive(Default)]
struct Written {
    upstreams: Vec<String>,
    scopes: Vec<String>,
    plans: Vec<String>,
    /// How many routes.
    routes: usize,
    /// How many OpenAPI documents.
    apis: usize,
}

impl Written {
    fn of(root: &Node) -> Self {
        let keys = |name: &str| {
            let entries = root.get(name).map(Node::entries).unwrap_or_default();
            entries.iter().map(|e| e.key.clone()).collect()
        };
        let count = |name: &str| root.get(name).map_or(0, |n| n.items().len());
        Self {
            routes: count("routes"),
            apis: count("apis"),
            upstreams: keys("upstreams"),
            scopes: keys("scopes"),
            plans: keys("plans"),
        }
    }
}

impl Check<'_> {
    /// Reports a problem at the value that `path` leads to.
    pub(super) fn problem(&mut self, path: &[Step], message: impl Into<String>) {
        let place = self.root.locate(path);
        push(self.report, self.source, place, message.into());
    }

    /// Reports a problem in another file.
    pub(super) fn problem_in(&mut self, file: &Path, place: Place, message: String) {
        push(self.report, file, place, message);
    }

    /// Passes an error on as a problem.
    pub(super) fn ok<T>(&mut self, path: &[Step], result: Result<T, String>) -> Option<T> {
        match result {
            Ok(v) => Some(v),
            Err(message) => {
                self.problem(path, message);
                None
            }
        }
    }

    /// Whether there is a problem at the value that `path` leads to, or inside it.
    pub(super) fn is_faulty(&self, path: &[Step]) -> bool {
        is_faulty(self.report, self.source, &self.shown(path))
    }

    /// How a path reads in a message.
    pub(super) fn shown(&self, path: &[Step]) -> String {
        self.root.locate(path).shown
    }
}

/// One setting has one problem: the first, since later checks take for granted what the earlier ones found wrong. Nor is
/// there one about a list or a mapping of which something wrong was taken out.
fn push(report: &mut Report, file: &Path, place: Place, message: String) {
    if !place.shown.is_empty() && is_faulty(report, file, &place.shown) {
        return;
    }
    add(report, file, place, message);
}

/// Adds a problem, or counts it where there are very many.
fn add(report: &mut Report, file: &Path, place: Place, message: String) {
    if report.problems.len() >= MAX_PROBLEMS {
        report.omitted += 1;
        return;
    }
    report.problems.push(Problem {
        file: file.to_path_buf(),
        line: place.mark.line,
        column: place.mark.column,
        path: place.shown,
        message,
    });
}

/// Whether there is a problem at the setting `shown` or inside it.
fn is_faulty(report: &Report, file: &Path, shown: &str) -> bool {
    let inside = |path: &str| {
        path.strip_prefix(shown)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let mut problems = report.problems.iter();
    problems.any(|p| p.file == file && inside(&p.path))
}

/// Loads `bytes`; the result counts only where the report stays empty.
pub(super) fn run(
    bytes: &[u8],
    source: &Path,
    env: &Env<'_>,
    options: &LoadOptions<'_>,
    report: &mut Report,
) -> Option<Config> {
    let root = tree(bytes, source, env, report)?;
    let file = match serde_json::from_value::<ConfigFile>(root.1.to_json()) {
        Ok(file) => file,
        Err(e) => {
            // The schema is made of the same shapes: whatever it lets through, serde takes.
            let place = root.1.locate(&[]);
            push(
                report,
                source,
                place,
                format!("expected other settings: {e}"),
            );
            return None;
        }
    };
    let mut check = Check {
        source,
        options,
        root: &root.1,
        written: root.0,
        report,
        files: Vec::new(),
        documents_read: true,
    };
    build(&mut check, &file)
}

/// Bytes to a tree that has the file's shape.
fn tree(
    bytes: &[u8],
    source: &Path,
    env: &Env<'_>,
    report: &mut Report,
) -> Option<(Written, Node)> {
    let (mut root, repeated) = match yaml::parse(bytes) {
        Ok(parsed) => parsed,
        Err(e) => {
            push_yaml(report, source, e);
            return None;
        }
    };
    for e in repeated {
        push_yaml(report, source, e);
    }
    if root.data == super::tree::Data::Null {
        push(report, source, root.locate(&[]), yaml::EMPTY.to_owned());
        return None;
    }
    let mut unset: Vec<(Vec<Step>, String)> = Vec::new();
    expand::expand(&mut root, &mut Vec::new(), env, &mut |path, message| {
        unset.push((path.to_vec(), message));
    });
    let written = Written::of(&root);
    for (path, message) in &unset {
        push(report, source, root.locate(path), message.clone());
    }
    let (fits, omitted) = shape::check(&mut root, &mut |place, message| {
        push(report, source, place, message);
    });
    report.omitted += omitted;
    fits.then_some((written, root))
}

fn push_yaml(report: &mut Report, source: &Path, e: yaml::YamlError) {
    let place = Place {
        mark: e.mark,
        shown: e.path,
    };
    // Each repetition of a setting is a problem of its own.
    add(report, source, place, e.message);
}

fn build(check: &mut Check<'_>, f: &ConfigFile) -> Option<Config> {
    let listeners = listen::listeners(check, f);
    let admin = f.admin.as_ref().map(|a| access::admin(check, a));
    let status = f
        .status
        .as_ref()
        .map(|s| listen::listener(check, s, &steps!["status"]));
    let portal = portal::portal(check, f, &listeners);
    let keys = f.keys.as_ref().map(|k| access::keys(check, k));
    let plans = plans::plans(check, f);
    let upstreams = upstreams::upstreams(check, f);
    let found = routes::routes(check, f, &upstreams);
    let events = events::events(check, f, &found.routes);
    let maintenance = upstreams::maintenance(check, f, &upstreams);
    let trusted_proxies = words::networks(check, &f.trusted_proxies, &steps!["trusted_proxies"]);
    let (log, realm) = (listen::log(check, f), listen::realm(check, f));
    let (ceilings, limits) = (listen::ceilings(check, f), plans::limits(f));
    let (store, webhooks) = (state::store(check, f), webhooks::webhooks(check, f));
    let smtp = smtp::smtp(check, f);
    listen::distinct(check, f);
    let mut config = Config {
        source: check.source.to_path_buf(),
        files: Vec::new(),
        hash: String::new(),
        listeners,
        admin: admin?,
        status,
        portal,
        log,
        trusted_proxies,
        realm,
        ceilings,
        shutdown_grace: std::time::Duration::from_secs(f.shutdown.grace_seconds),
        store,
        spool: state::spool(f),
        keys: keys?,
        scopes: found.scopes,
        default_plan: f.default_plan.clone(),
        plans,
        limits,
        maintenance,
        upstreams,
        routes: events::attach(found.routes, &events),
        events,
        webhooks,
        smtp,
        apis: found.apis,
        effective: std::sync::Arc::new(effective(f)),
        fingerprint: [0; 32],
    };
    config.files = std::iter::once(check.source.to_path_buf())
        .chain(std::mem::take(&mut check.files))
        .collect();
    config.hash = hex::encode(&digest(&config.effective, &config.apis));
    config.fingerprint = digest(&check.root.to_json(), &config.apis);
    Some(config)
}

/// The settings with every default, secrets redacted.
fn effective(f: &ConfigFile) -> Value {
    serde_json::to_value(f).unwrap_or_default()
}

/// SHA-256 of settings and of the documents.
fn digest(settings: &Value, apis: &[Api]) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(settings.to_string());
    for api in apis {
        sha.update(api.document.to_string());
    }
    sha.finalize().into()
}
