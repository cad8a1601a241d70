//! With programs that are not ours: nginx behind the gateway, curl and Python's requests before it, standardwebhooks receiving, promtool reading.

use std::io::{Read, Write};
use std::time::Duration;

use serde_json::json;

use crate::support::backend::{Answer, Backend};
use crate::support::gateway::{Gateway, config};
use crate::support::http;
use crate::support::programs::{Nginx, promtool, python, run};
use crate::support::{checkout, eventually};

/// An nginx that plays a REST backend.
fn nginx() -> Nginx {
    Nginx::start(
        "server { listen 127.0.0.1:$PORT; default_type application/json;\n\
         location = /v1/contacts { if ($request_method = POST) { add_header Location /v1/contacts/c42; return 201 '{\"id\":\"c42\",\"name\":\"Ada\"}'; }\n\
           return 200 '{\"data\":[],\"account\":\"$http_x_fuelgate_account\",\"authorization\":\"$http_authorization\"}'; }\n\
         location / { return 404 '{\"error\":\"no such contact\"}'; } }",
    )
}

const RULES: &str = "
events:
  - { type: contact.created, route: { method: POST, path: /v1/contacts }, status: [201] }
webhooks: { retry_delays_seconds: [1, 1, 1], timeout_ms: 5000, allowed_private_targets: [127.0.0.0/8], retention_days: 30 }
";

#[test]
fn curl_and_requests_go_through_to_nginx_without_noticing() {
    let nginx = nginx();
    let g = Gateway::start(&config(nginx.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let url = format!("http://{}/v1/contacts", g.address());
    let bearer = format!("Authorization: Bearer {key}");

    let out = run("curl", &["-sS", "-i", "-H", &bearer, &url]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    assert!(text.contains("\"account\":\"acct_1\""), "{text}");
    assert!(text.contains("\"authorization\":\"\""), "{text}");

    // Two requests on one connection, the first of them refused: curl reuses it.
    let out = run(
        "curl",
        &[
            "-sS",
            "-v",
            "-o",
            "/dev/null",
            "-o",
            "/dev/null",
            &url,
            &format!("{url}/x"),
        ],
    );
    let log = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        log.contains("Re-using existing connection") || log.contains("Reusing existing"),
        "{log}"
    );

    let printed = python(
        r#"
import sys, json, requests
url, key = sys.argv[1:]
s = requests.Session()
s.headers["Authorization"] = "Bearer " + key
r = s.get(url)
assert r.status_code == 200, r.text
assert r.json()["account"] == "acct_1"
r = s.post(url, json={"name": "Ada"})
assert r.status_code == 201 and r.headers["Location"] == "/v1/contacts/c42", r.text
r = s.get(url + "/nobody")
assert r.status_code == 404 and r.json() == {"error": "no such contact"}, r.text
assert "X-Fuelgate-Error" not in r.headers
r = requests.get(url)
assert r.status_code == 401 and r.json()["code"] == "missing_credentials"
r = s.post(url, data=(c for c in [b'{"name":', b'"chunked"}']), headers={"Content-Type": "application/json"})
assert r.status_code == 201, r.text
print(json.dumps(dict(s.get(url).headers)))
"#,
        &[&url, &key],
    );
    assert!(
        printed.to_lowercase().contains("ratelimit-policy"),
        "{printed}"
    );
}

#[test]
fn webhooks_verify_with_the_published_client() {
    let nginx = nginx();
    let receiver = Backend::start(|_| Answer::Reply(200, vec![], b"thanks".to_vec()));
    let g = Gateway::start(&config(nginx.address, RULES));
    let (_, key) = g.key("acct_1", &["contacts:read", "contacts:write"]);
    let url = format!("http://{}/hook", receiver.address);
    let made = g.webhook("acct_1", &url, &["contact.created"]);
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"));
    assert_eq!(
        g.post("/v1/contacts", &key, &json!({"name": "Ada"})).status,
        201
    );
    eventually("the delivery", Duration::from_secs(10), || {
        (receiver.count() == 1).then_some(())
    });
    let seen = receiver.last();
    let printed = python(
        r#"
import sys, json
from standardwebhooks.webhooks import Webhook
secret, body, id, timestamp, signature = sys.argv[1:]
headers = {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
print(json.dumps(Webhook(secret).verify(body, headers)))
try:
    Webhook(secret).verify(body + " ", headers)
except Exception as e:
    print(type(e).__name__)
"#,
        &[
            &secret,
            &seen.text(),
            seen.header("webhook-id").unwrap(),
            seen.header("webhook-timestamp").unwrap(),
            seen.header("webhook-signature").unwrap(),
        ],
    );
    let mut lines = printed.lines();
    let event: serde_json::Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(lines.next(), Some("WebhookVerificationError"));
    assert_eq!(event["type"], "contact.created");
    assert_eq!(event["account_id"], "acct_1");
    assert_eq!(event["data"], json!({"id": "c42", "name": "Ada"}));
    assert_eq!(event["sequence"], 1);
    // The delivery log knows the attempt.
    let id = made["id"].as_str().unwrap().to_owned();
    let log = eventually("the attempt is logged", Duration::from_secs(5), || {
        let log = g
            .admin("GET", &format!("/admin/v1/webhooks/{id}/deliveries"), None)
            .json();
        (log["data"][0]["attempts"]
            .as_array()
            .is_some_and(|a| !a.is_empty()))
        .then_some(log)
    });
    assert_eq!(log["data"][0]["attempts"][0]["status"], 200, "{log}");
}

#[test]
fn openapi_documents_pass_a_published_validator() {
    let nginx = nginx();
    let g = Gateway::start(&config(nginx.address, ""));
    let document = http::request(g.listener("admin"), "GET", "/admin/openapi.json", &[], None);
    let document = if document.status == 401 {
        g.admin("GET", "/admin/openapi.json", None)
    } else {
        document
    };
    assert_eq!(document.status, 200);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.json");
    std::fs::write(&file, &document.body).unwrap();
    let crm = checkout()
        .join("conf/crm.openapi.yaml")
        .display()
        .to_string();
    let printed = python(
        r#"
import sys
from openapi_spec_validator import validate
from openapi_spec_validator.readers import read_from_filename
for f in sys.argv[1:]:
    spec, url = read_from_filename(f)
    validate(spec, base_uri=url)
    print("valid", spec["openapi"])
"#,
        &[file.to_str().unwrap(), &crm],
    );
    assert_eq!(printed.matches("valid 3.1").count(), 2, "{printed}");
}

#[test]
fn metrics_pass_promtool() {
    let nginx = nginx();
    let g = Gateway::start(&config(
        nginx.address,
        "status: { address: \"127.0.0.1:0\" }",
    ));
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    for _ in 0..3 {
        assert_eq!(g.get("/v1/contacts", &key).status, 200);
    }
    assert_eq!(g.call("GET", "/v1/contacts", &[], None).status, 401);
    let wanted = [
        "fuelgate_requests_total{",
        "fuelgate_request_duration_seconds_bucket{",
        "fuelgate_overhead_seconds",
        "fuelgate_auth_failures_total{code=\"missing_credentials\"} 1",
        "fuelgate_config_info{",
        "fuelgate_build_info{",
        "fuelgate_limiter_degraded",
        "fuelgate_webhook_queue_depth",
        "fuelgate_key_cache_",
        "fuelgate_store_",
    ];
    // What a request counts is counted when it has ended, which is after its answer.
    let text = eventually("every metric is there", Duration::from_secs(10), || {
        let text = http::request(g.listener("status"), "GET", "/metrics", &[], None).text();
        let missing = wanted.iter().find(|name| !text.contains(**name));
        missing.is_none().then_some(text)
    });
    assert!(!text.contains(&key));
    promtool(&text);
}

/// A self-signed certificate for `localhost` in a folder: the certificate's and the key's file.
fn certificate(folder: &std::path::Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

#[test]
fn curl_speaks_http_2_over_tls_and_refusals_do_not_break_it() {
    let nginx = nginx();
    let folder = tempfile::tempdir().unwrap();
    let (certificate, private_key) = certificate(folder.path());
    let text = config(nginx.address, "").replace(
        "  - address: 127.0.0.1:0\n",
        &format!(
            "  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    tls: {{ certificate: {certificate}, private_key: {private_key} }}\n"
        ),
    );
    let g = Gateway::start(&text);
    let (_, key) = g.key("acct_1", &["contacts:read"]);
    let port = g.listener("https").port();
    let url = format!("https://localhost:{port}/v1/contacts");
    let bearer = format!("Authorization: Bearer {key}");
    let resolve = format!("localhost:{port}:127.0.0.1");
    let curl = |extra: &[&str]| {
        let mut arguments = vec![
            "-sS",
            "--cacert",
            &certificate,
            "--resolve",
            &resolve,
            "-o",
            "/dev/null",
            "-w",
            "%{http_version} %{http_code} ",
        ];
        arguments.extend_from_slice(extra);
        let out = run("curl", &arguments);
        assert!(
            out.status.success(),
            "{extra:?}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    assert_eq!(curl(&["-H", &bearer, &url]), "2 200 ");
    assert_eq!(curl(&["--http1.1", "-H", &bearer, &url]), "1.1 200 ");
    assert_eq!(curl(&[&url]), "2 401 ");
    // A refused upload with an unread body is an answer, not a broken stream.
    let body = folder.path().join("body");
    std::fs::write(&body, vec![b'x'; 40_000]).unwrap();
    let data = format!("@{}", body.display());
    assert_eq!(curl(&["--data-binary", &data, &url]), "2 401 ");
}

#[test]
fn a_gibibyte_flows_both_ways_in_flat_memory() {
    let gib: u64 = if crate::support::full() {
        1 << 30
    } else {
        256 << 20
    };
    let nginx = Nginx::start(
        "server { listen 127.0.0.1:$PORT; root $DIR; location /open { root $DIR; dav_methods PUT; create_full_put_path on; } }",
    );
    // A sparse file is the download; uploads are written to nginx's folder and counted there.
    let g = Gateway::start(&config(nginx.address, "").replace(
        "methods: [GET, POST], auth: none",
        "methods: [GET, PUT], auth: none",
    ));
    let folder = nginx.folder();
    std::fs::File::create(folder.join("open"))
        .unwrap()
        .set_len(gib)
        .unwrap();
    let warm = g.call("GET", "/nowhere", &[], None);
    assert_eq!(warm.status, 404);
    let before = g.resident();
    let mut stream = std::net::TcpStream::connect(g.address()).unwrap();
    stream
        .write_all(b"GET /open HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .unwrap();
    let (mut got, mut peak, mut chunk) = (0_u64, 0, vec![0; 1 << 20]);
    loop {
        let n = stream.read(&mut chunk).unwrap();
        if n == 0 {
            break;
        }
        got += n as u64;
        peak = peak.max(g.resident());
    }
    assert!(got > gib, "{got}");
    std::fs::remove_file(folder.join("open")).unwrap();

    let mut stream = std::net::TcpStream::connect(g.address()).unwrap();
    stream
        .write_all(
            format!("PUT /open HTTP/1.1\r\nHost: a\r\nContent-Length: {gib}\r\n\r\n").as_bytes(),
        )
        .unwrap();
    chunk.fill(0);
    let mut sent = 0;
    while sent < gib {
        stream.write_all(&chunk).unwrap();
        sent += chunk.len() as u64;
        peak = peak.max(g.resident());
    }
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 201");
    let growth = peak.saturating_sub(before);
    println!("{gib} bytes each way, resident memory grew by {growth} bytes");
    assert!(growth < 64 << 20, "{growth}");
}
