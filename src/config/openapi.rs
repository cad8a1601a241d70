//! Takes operations, their scopes and scope descriptions from an OpenAPI document; never serves the document.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::file::ApiFile;
use super::model::Auth;
use super::tree::{Data, Entry, Node, Place, Step, steps};
use super::validate::Check;
use super::{beside, read_file, yaml};
use crate::base::media_type::is_json;

/// What a document gives.
pub(super) struct Document {
    pub(super) file: PathBuf,
    pub(super) json: Arc<Value>,
    /// Scopes that its security schemes describe.
    pub(super) scopes: Vec<(String, String)>,
    pub(super) operations: Vec<Operation>,
}

/// A method of a path.
pub(super) struct Operation {
    pub(super) path: String,
    pub(super) path_place: Place,
    pub(super) method: http::Method,
    pub(super) place: Place,
    pub(super) auth: Auth,
    pub(super) scopes: Vec<(String, Place)>,
    pub(super) json_only: bool,
}

/// A minor version of OpenAPI that is understood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    V30,
    V31,
}

/// Local references that are followed one after another.
const REFERENCES: usize = 8;

/// Reads a document. Problems are reported in it; `at` is where the configuration names it.
pub(super) fn read(check: &mut Check<'_>, a: &ApiFile, at: &[Step]) -> Option<Document> {
    let file = beside(check.source, &a.openapi);
    let bytes = read_file(&file, check.options).map_err(|cause| {
        format!(
            "expected an OpenAPI document at {}: {cause}",
            file.display()
        )
    });
    let bytes = check.ok(at, bytes)?;
    check.files.push(file.clone());
    let document = parse(&file, &bytes, &mut |place, message| {
        check.problem_in(&file, place, message);
    });
    if document.is_none() {
        check.documents_read = false;
    }
    document
}

/// Reads a document's text.
fn parse(file: &Path, bytes: &[u8], problem: &mut dyn FnMut(Place, String)) -> Option<Document> {
    // JSON is YAML but for what few parsers of YAML take, such as surrogate pairs: then it is read as JSON.
    let json = || serde_json::from_slice(bytes).ok().map(Node::from_json);
    let parsed = yaml::parse(bytes).or_else(|e| json().map(|root| (root, Vec::new())).ok_or(e));
    let (root, repeated) = match parsed {
        Ok(parsed) => parsed,
        Err(e) => {
            problem(place_of(e.mark, e.path), e.message);
            return None;
        }
    };
    for e in repeated {
        problem(place_of(e.mark, e.path), e.message);
    }
    let mut reader = Reader {
        version: version(&root, problem)?,
        root: &root,
        problem,
    };
    Some(Document {
        file: file.to_path_buf(),
        scopes: reader.scope_descriptions(),
        operations: reader.operations(),
        json: Arc::new(root.to_json()),
    })
}

const fn place_of(mark: super::tree::Mark, shown: String) -> Place {
    Place { mark, shown }
}

fn version(root: &Node, problem: &mut dyn FnMut(Place, String)) -> Option<Version> {
    let text = root.get("openapi").and_then(Node::raw).unwrap_or_default();
    let minor = |m: &str| text == m || text.starts_with(&format!("{m}."));
    if minor("3.1") {
        return Some(Version::V31);
    }
    if minor("3.0") {
        return Some(Version::V30);
    }
    let message = "expected an OpenAPI document of version 3.0 or 3.1";
    problem(root.locate(&steps!["openapi"]), message.to_owned());
    None
}

struct Reader<'a> {
    root: &'a Node,
    version: Version,
    problem: &'a mut dyn FnMut(Place, String),
}

impl<'a> Reader<'a> {
    fn problem(&mut self, path: &[Step], message: impl Into<String>) {
        (self.problem)(self.root.locate(path), message.into());
    }

    /// Follows local references (`#/…`).
    fn resolve(&self, node: &'a Node) -> Option<&'a Node> {
        let mut node = node;
        for _ in 0..REFERENCES {
            let Some(reference) = node.get("$ref").and_then(Node::text) else {
                return Some(node);
            };
            let steps = reference.strip_prefix("#/")?.split('/');
            node = steps
                .map(|s| s.replace("~1", "/").replace("~0", "~"))
                .try_fold(self.root, |n, key| n.get(&key))?;
        }
        None
    }

    fn schemes(&self) -> &'a [Entry] {
        self.root
            .get("components")
            .and_then(|c| c.get("securitySchemes"))
            .map(Node::entries)
            .unwrap_or_default()
    }

    /// Scopes of `oauth2` flows, and of `x-scopes` or `x-fuelgate-scopes` of any scheme: OpenAPI has no place for the
    /// descriptions of an http scheme's roles.
    fn scope_descriptions(&mut self) -> Vec<(String, String)> {
        let mut found: Vec<(String, String)> = Vec::new();
        for entry in self.schemes() {
            let Some(scheme) = self.resolve(&entry.node) else {
                continue;
            };
            let flows = scheme.get("flows").map(Node::entries).unwrap_or_default();
            let maps = flows.iter().filter_map(|f| f.node.get("scopes")).chain(
                ["x-scopes", "x-fuelgate-scopes"]
                    .iter()
                    .filter_map(|x| scheme.get(x)),
            );
            for scope in maps.flat_map(Node::entries) {
                if !found.iter().any(|(name, _)| *name == scope.key) {
                    let text = scope.node.text().unwrap_or_default();
                    found.push((scope.key.clone(), text.to_owned()));
                }
            }
        }
        found
    }

    fn operations(&mut self) -> Vec<Operation> {
        let paths = self.root.get("paths");
        let mut found = Vec::new();
        if !paths.is_some_and(|p| matches!(p.data, Data::Map(_))) {
            self.problem(&steps!["paths"], "expected paths with operations");
        }
        for item in paths.map(Node::entries).unwrap_or_default() {
            if item.key.starts_with("x-") {
                continue;
            }
            let at = steps!["paths", &item.key].to_vec();
            if !item.key.starts_with('/') {
                let place = self.root.locate_key(&at);
                (self.problem)(place, "expected a path that begins with /".to_owned());
                continue;
            }
            for member in item.node.entries() {
                let mut at = at.clone();
                at.push(Step::from(&member.key));
                if member.key == "$ref" {
                    self.problem(
                        &at,
                        "expected the operations here: a path's $ref is not supported",
                    );
                } else if let Some(method) = self.method(&member.key, &at) {
                    found.extend(self.operation(item, member, method, &at));
                }
            }
        }
        found
    }

    fn method(&mut self, key: &str, at: &[Step]) -> Option<http::Method> {
        match key {
            "get" => Some(http::Method::GET),
            "put" => Some(http::Method::PUT),
            "post" => Some(http::Method::POST),
            "delete" => Some(http::Method::DELETE),
            "options" => Some(http::Method::OPTIONS),
            "head" => Some(http::Method::HEAD),
            "patch" => Some(http::Method::PATCH),
            "trace" => {
                self.problem(at, "expected another method: TRACE is never forwarded");
                None
            }
            _ => None,
        }
    }

    fn operation(
        &mut self,
        item: &'a Entry,
        member: &'a Entry,
        method: http::Method,
        at: &[Step],
    ) -> Option<Operation> {
        let (auth, scopes) = self.security(&member.node, at)?;
        Some(Operation {
            path: item.key.clone(),
            path_place: self.root.locate_key(&at[..2]),
            method,
            place: self.root.locate_key(at),
            auth,
            scopes,
            json_only: self.json_only(&member.node),
        })
    }

    /// Who may call an operation. Where nothing is said it is refused: a forgotten line must not open an endpoint.
    fn security(
        &mut self,
        operation: &'a Node,
        at: &[Step],
    ) -> Option<(Auth, Vec<(String, Place)>)> {
        let (mut at, list) = match (operation.get("security"), self.root.get("security")) {
            (Some(list), _) => (at.to_vec(), list),
            (None, Some(list)) => (Vec::new(), list),
            (None, None) => {
                let message = "missing; expected `security` here or at the top of the document (`security: []` lets everybody in)";
                let mut at = at.to_vec();
                at.push(Step::from("security"));
                self.problem(&at, message);
                return None;
            }
        };
        at.push(Step::from("security"));
        if !matches!(list.data, Data::List(_)) {
            self.problem(&at, "expected a list of one security requirement");
            return None;
        }
        let requirements = list.items();
        if requirements.len() > 1 {
            self.problem(&at, "expected one security requirement");
            return None;
        }
        let Some(requirement) = requirements.first() else {
            return Some((Auth::None, Vec::new()));
        };
        // What is no mapping, such as a scheme's name without its colon, must not be taken for one without schemes.
        let Data::Map(schemes) = &requirement.node.data else {
            at.push(Step::Index(0));
            let message = "expected a scheme with a list of scopes, such as `apiKey: []`";
            self.problem(&at, message);
            return None;
        };
        if schemes.len() > 1 {
            self.problem(&at, "expected one scheme in the security requirement");
            return None;
        }
        let Some(scheme) = schemes.first() else {
            return Some((Auth::None, Vec::new()));
        };
        at.push(Step::Index(0));
        at.push(Step::from(&scheme.key));
        let Data::List(items) = &scheme.node.data else {
            self.problem(&at, "expected a list of scopes");
            return None;
        };
        let mut scopes: Vec<(String, Place)> = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let mut at = at.clone();
            at.push(Step::Index(i));
            match item.node.text() {
                Some(name) => scopes.push((name.to_owned(), self.root.locate(&at))),
                None => self.problem(&at, "expected a scope's name"),
            }
        }
        self.scheme(&scheme.key, !scopes.is_empty(), &at)?;
        Some((Auth::Key, scopes))
    }

    /// Whether the scheme `name` is a Bearer token, which is all that a key can be.
    fn scheme(&mut self, name: &str, scopes: bool, at: &[Step]) -> Option<()> {
        let entry = self.schemes().iter().find(|e| e.key == name);
        let Some(scheme) = entry.and_then(|e| self.resolve(&e.node)) else {
            self.problem(at, "expected a name of components.securitySchemes");
            return None;
        };
        let member = |key: &str| scheme.get(key).and_then(Node::text).unwrap_or_default();
        match (member("type"), member("scheme")) {
            ("oauth2", _) => Some(()),
            ("http", s) if s.eq_ignore_ascii_case("bearer") => {
                if scopes && self.version == Version::V30 {
                    let message = "expected an oauth2 scheme: OpenAPI 3.0 has scopes with no other";
                    self.problem(at, message);
                }
                Some(())
            }
            _ => {
                self.problem(
                    at,
                    "expected a scheme of type http with `scheme: bearer`, or of type oauth2",
                );
                None
            }
        }
    }

    /// Whether all that an operation takes as its body is JSON.
    fn json_only(&self, operation: &'a Node) -> bool {
        let content = operation
            .get("requestBody")
            .and_then(|b| self.resolve(b))
            .and_then(|b| b.get("content"))
            .map(Node::entries)
            .unwrap_or_default();
        !content.is_empty() && content.iter().all(|e| is_json(&e.key))
    }
}
