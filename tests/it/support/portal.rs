//! A portal in front of the sample CRM: gateway and CRM as processes, one-time links, and visitors with their cookies.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::checkout;
use super::gateway::{Gateway, TOKEN};
use super::http::{self, Response};
use super::programs::free_port;
use super::redis::Server;

/// The sample CRM as a process; ends when dropped.
pub struct SampleCrm {
    pub address: SocketAddr,
    child: Child,
}

impl SampleCrm {
    pub fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fuelgate"))
            .args(["sample-crm", "--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.rsplit(' ').next()?.parse().ok());
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            address: address.expect("the sample CRM's address"),
            child,
        }
    }
}

impl Drop for SampleCrm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A gateway with its portal on plain HTTP.
pub struct Portal {
    pub gateway: Gateway,
    /// The portal's public address.
    pub url: String,
    /// The API's.
    pub api_url: String,
    pub crm: SampleCrm,
    redis: Option<Server>,
}

/// What the gateway is configured with. `$DIR` is its folder; the rest is put in here.
const CONFIG: &str = r#"
listeners: [ { address: "$API" } ]
admin: { address: "127.0.0.1:0", token: $TOKEN }
portal: { address: "$PORTAL", public_url: "http://$PORTAL", title: "Lead Fuel Developers", api_url: "http://$API"$MORE }
log: { access: $DIR/access.log }
realm: crm
store: $STORE
spool: { path: $DIR/spool.db, max_bytes: 1073741824 }
keys:
  prefix: lf_live
  peppers: [ { id: p1, secret: "0123456789abcdef0123456789abcdef" } ]
default_plan: standard
plans:
  standard:
    rate: { requests: 1000, per_seconds: 1, burst: 1000 }
    quotas: { hour: 10000, month: 1000000 }
    max_keys: 2000
upstreams:
  crm: { targets: [ { address: "$CRM", weight: 1 } ] }
apis:
  - { openapi: "$ROOT/conf/crm.openapi.yaml", upstream: crm, server_prefix: /v1 }
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
  - { type: contact.updated, route: { method: PATCH, path: "/v1/contacts/{id}" }, status: [200] }
  - { type: contact.deleted, route: { method: DELETE, path: "/v1/contacts/{id}" }, status: [204] }
  - { type: deal.created, route: { method: POST, path: /v1/deals }, status: [201] }
  - { type: deal.updated, route: { method: PATCH, path: "/v1/deals/{id}" }, status: [200] }
webhooks: { retry_delays_seconds: [1, 1], timeout_ms: 3000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
"#;

/// How a portal differs from the usual one.
#[derive(Default)]
pub struct Setup<'a> {
    /// Further keys of `portal:`, each with a comma before it.
    pub portal: &'a str,
    /// Further settings of the file.
    pub extra: &'a str,
    /// Keep everything in a Redis of its own.
    pub on_redis: bool,
    /// A folder with `tls.crt` and `tls.key`, for a portal that is reached by TLS.
    pub tls: Option<&'a Path>,
    /// Variables that the gateway is started with.
    pub environment: Vec<(String, String)>,
}

impl Portal {
    /// On the embedded store.
    pub fn start() -> Self {
        Self::with(&Setup::default())
    }

    /// On a Redis of its own.
    pub fn on_redis() -> Self {
        Self::with(&Setup {
            on_redis: true,
            ..Setup::default()
        })
    }

    /// One that says on standard error all that it has to say.
    pub fn talkative() -> Self {
        Self::with(&Setup {
            environment: vec![("FUELGATE_LOG".to_owned(), "info,fuelgate=trace".to_owned())],
            ..Setup::default()
        })
    }

    /// As the test wants it.
    pub fn with(setup: &Setup<'_>) -> Self {
        let crm = SampleCrm::start();
        let redis = setup.on_redis.then(|| Server::start(&[]));
        let store = match &redis {
            Some(server) => format!(
                "{{ engine: redis, nodes: [\"redis://127.0.0.1:{}\"], deadline_ms: 200 }}",
                server.port
            ),
            None => "{ engine: embedded, path: $DIR/fuelgate.db }".to_owned(),
        };
        let (api, portal) = (free_port(), free_port());
        let tls = setup.tls.map(|folder| {
            let file = |name: &str| folder.join(name).display().to_string();
            let (certificate, key) = (file("tls.crt"), file("tls.key"));
            format!(", tls: {{ certificate: \"{certificate}\", private_key: \"{key}\" }}")
        });
        let scheme = if tls.is_some() { "https" } else { "http" };
        let more = format!("{}{}", setup.portal, tls.unwrap_or_default());
        let text = format!("{CONFIG}{}\n", setup.extra)
            .replace("$API", &format!("127.0.0.1:{api}"))
            .replace("http://$PORTAL", &format!("{scheme}://$PORTAL"))
            .replace("$PORTAL", &format!("127.0.0.1:{portal}"))
            .replace("$TOKEN", TOKEN)
            .replace("$MORE", &more)
            .replace("$STORE", &store)
            .replace("$CRM", &crm.address.to_string())
            .replace("$ROOT", &checkout().display().to_string());
        let variables = setup
            .environment
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_str()));
        let variables: Vec<_> = variables.collect();
        Self {
            gateway: Gateway::start_with_env(&text, &variables),
            url: format!("{scheme}://127.0.0.1:{portal}"),
            api_url: format!("http://127.0.0.1:{api}"),
            crm,
            redis,
        }
    }

    /// Both stores, each with its name.
    pub fn both() -> [(&'static str, Self); 2] {
        [("embedded", Self::start()), ("redis", Self::on_redis())]
    }

    /// The Redis that it keeps everything in.
    pub fn redis(&self) -> &Server {
        self.redis.as_ref().expect("a portal on Redis")
    }

    /// Starts the gateway again on a machine whose clock is so much ahead of this one's: `29m`. With Redis it would go by the
    /// server's.
    pub fn ahead(&mut self, by: &str) {
        assert!(self.redis.is_none());
        assert_eq!(self.gateway.stop(), Some(0));
        self.gateway.shift(&format!("+{by}"));
        self.gateway.start_again();
    }

    /// The portal's listener.
    pub fn address(&self) -> SocketAddr {
        self.gateway.listener("portal")
    }

    /// A one-time link for a person `u_1` of an account.
    pub fn link(&self, account: &str, role: &str) -> String {
        self.link_for(account, "u_1", role)
    }

    /// A one-time link for a person.
    pub fn link_for(&self, account: &str, person: &str, role: &str) -> String {
        let body = json!({
            "account_id": account,
            "user": {"id": person, "email": format!("{}@example.com", person.replace('_', "-"))},
            "role": role,
            "expires_in_seconds": 3600,
        });
        let made = self
            .gateway
            .admin("POST", "/admin/v1/portal-sessions", Some(&body));
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["url"].as_str().unwrap().to_owned()
    }

    /// Somebody who is not signed in.
    pub fn stranger(&self) -> Visitor {
        Visitor {
            address: self.address(),
            origin: self.url.clone(),
            cookie: None,
            csrf: Mutex::new(None),
        }
    }

    /// Somebody who has opened a link.
    pub fn signed_in(&self, account: &str, role: &str) -> Visitor {
        self.opens(&self.link(account, role))
    }

    /// Somebody who opens this link.
    pub fn opens(&self, link: &str) -> Visitor {
        let mut visitor = self.stranger();
        let answer = visitor.get(link.strip_prefix(&self.url).unwrap());
        assert_eq!(answer.status, 303, "{}", answer.text());
        visitor.cookie = Some(cookie_of(&answer));
        visitor
    }
}

/// The `name=value` of the cookie that an answer sets.
pub fn cookie_of(answer: &Response) -> String {
    let field = answer.header("set-cookie").expect("a cookie");
    field.split(';').next().unwrap().to_owned()
}

/// A person at the portal, by plain HTTP.
pub struct Visitor {
    pub address: SocketAddr,
    /// Of the pages; what a browser would send as `Origin`.
    pub origin: String,
    pub cookie: Option<String>,
    csrf: Mutex<Option<String>>,
}

impl Visitor {
    fn host(&self) -> &str {
        self.origin.split("//").nth(1).unwrap()
    }

    /// Any request; the cookie and Host are added.
    pub fn request(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Response {
        let mut all = headers.to_vec();
        if !headers.iter().any(|(n, _)| n.eq_ignore_ascii_case("host")) {
            all.push(("Host", self.host()));
        }
        if let Some(cookie) = &self.cookie {
            all.push(("Cookie", cookie));
        }
        http::request(self.address, method, target, &all, body)
    }

    pub fn get(&self, target: &str) -> Response {
        self.request("GET", target, &[], None)
    }

    /// A page that must be there.
    pub fn page(&self, target: &str) -> String {
        let answer = self.get(target);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.text()
    }

    /// What the forms of this session carry, read from a page.
    pub fn csrf(&self) -> String {
        let mut known = self.csrf.lock().unwrap();
        known
            .get_or_insert_with(|| hidden(&self.page("/session"), "csrf"))
            .clone()
    }

    /// Sends a form as a browser would, with `csrf`.
    pub fn post(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        let csrf = self.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        self.post_raw(target, &all)
    }

    /// The same with exactly these fields.
    pub fn post_raw(&self, target: &str, fields: &[(&str, &str)]) -> Response {
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", self.origin.as_str()),
        ];
        self.request("POST", target, &headers, Some(body.finish().as_bytes()))
    }
}

/// The value of the first hidden field of this name in a page.
pub fn hidden(page: &str, name: &str) -> String {
    let start = format!("type=\"hidden\" name=\"{name}\" value=\"");
    let at = page
        .find(&start)
        .unwrap_or_else(|| panic!("no field {name} in {page}"));
    let rest = &page[at + start.len()..];
    rest[..rest.find('"').unwrap()].replace("&amp;", "&")
}

/// What a test gives a script in the browser to begin with.
pub fn walk_input(portal: &Portal, cookie: &str, pages: &[Value]) -> Value {
    json!({"origin": portal.url, "cookie": cookie, "pages": pages})
}
