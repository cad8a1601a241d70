//! Files that a running gateway follows beside its configuration: OpenAPI documents and certificates; never a change of the configuration itself.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;

use crate::support::backend::Backend;
use crate::support::eventually;
use crate::support::gateway::{Gateway, config};

const LIMIT: Duration = Duration::from_secs(10);

/// Puts a file in another's place at once, as editors and mounts of secrets do.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, file).unwrap();
}

/// The configuration in force, as the admin API shows it.
fn in_force(g: &Gateway) -> Value {
    g.admin("GET", "/admin/v1/config", None).json()
}

/// An OpenAPI document of one path that everybody may read.
fn document(path: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{ title: t, version: '1' }}\npaths:\n  {path}:\n    get: {{ security: [], responses: {{ '200': {{ description: ok }} }} }}\n"
    )
}

#[test]
fn an_openapi_document_that_changes_alone_is_taken_and_a_broken_one_is_not() {
    let backend = Backend::ok();
    // Not in the configuration's folder, which is watched anyway.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crm.openapi.yaml");
    std::fs::write(&file, document("/things")).unwrap();
    let apis = format!(
        "apis: [ {{ openapi: {}, upstream: crm, server_prefix: /v1 }} ]",
        file.display()
    );
    let g = Gateway::start(&config(backend.address, &apis));
    let status = |path: &str| g.call("GET", path, &[], None).status;
    assert_eq!((status("/v1/things"), status("/v1/others")), (200, 404));
    let before = in_force(&g);

    replace(&file, &document("/others"));
    eventually("the new document's path is there", LIMIT, || {
        (status("/v1/others") == 200).then_some(())
    });
    assert_eq!(status("/v1/things"), 404);
    assert_eq!(status("/open"), 200, "routes of the configuration stay");
    let after = eventually("it is shown", LIMIT, || {
        Some(in_force(&g)).filter(|v| v["hash"] != before["hash"])
    });
    assert!(after["last_error"].is_null(), "{after}");

    replace(&file, &document("/things").replace("security", "secrecy"));
    let view = eventually("it is refused", LIMIT, || {
        Some(in_force(&g)).filter(|v| v["last_error"].is_object())
    });
    let error = view["last_error"].to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    assert_eq!(view["hash"], after["hash"]);
    assert_eq!((status("/v1/things"), status("/v1/others")), (404, 200));

    // Written over where it lies this time.
    std::fs::write(&file, document("/things")).unwrap();
    eventually("the repaired document's path is there", LIMIT, || {
        (status("/v1/things") == 200).then_some(())
    });
    assert!(in_force(&g)["last_error"].is_null());
}

type Tls = StreamOwned<ClientConnection, TcpStream>;

/// A new connection to `localhost` that trusts these certificates and no others.
fn connect(address: SocketAddr, trusted: &[&CertificateDer<'static>]) -> Tls {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        roots.add((*certificate).clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    while client.is_handshaking() {
        client.complete_io(&mut socket).unwrap();
    }
    StreamOwned::new(client, socket)
}

/// The certificate that the server showed.
fn shown(connection: &Tls) -> CertificateDer<'static> {
    connection.conn.peer_certificates().unwrap()[0].clone()
}

/// The status of a request on a connection that is kept.
fn status(connection: &mut Tls, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"{\"ok\":true}") {
        let mut part = [0; 4096];
        let n = connection.read(&mut part).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..n]);
    }
    String::from_utf8_lossy(&answer[..12]).into_owned()
}

/// Puts a new self-signed certificate with its key in the folder.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    replace(&folder.join("tls.crt"), &made.cert.pem());
    replace(&folder.join("tls.key"), &made.signing_key.serialize_pem());
    made.cert.der().clone()
}

#[test]
fn new_certificates_are_shown_to_new_connections_and_bad_ones_to_none() {
    let backend = Backend::ok();
    let folder = tempfile::tempdir().unwrap();
    let first = issue(folder.path());
    let at = folder.path().display();
    let tls = format!("tls: {{ certificate: {at}/tls.crt, private_key: {at}/tls.key }}");
    let status_listener = format!("status: {{ address: \"127.0.0.1:0\", {tls} }}");
    let plain = "  - address: 127.0.0.1:0\n";
    let text = config(backend.address, &status_listener)
        .replace(plain, &format!("{plain}{plain}    {tls}\n"));
    let g = Gateway::start(&text);
    let doors = ["https", "status"].map(|name| g.listener(name));
    for door in doors {
        assert_eq!(shown(&connect(door, &[&first])), first);
    }
    let mut kept = connect(doors[0], &[&first]);
    assert_eq!(status(&mut kept, "/open"), "HTTP/1.1 200");

    let second = issue(folder.path());
    assert_ne!(first, second);
    for door in doors {
        eventually("the new certificate is shown", LIMIT, || {
            (shown(&connect(door, &[&first, &second])) == second).then_some(())
        });
    }
    assert_eq!(status(&mut kept, "/open"), "HTTP/1.1 200");
    let mut fresh = connect(doors[0], &[&second]);
    assert_eq!(status(&mut fresh, "/open"), "HTTP/1.1 200");

    // It is read and refused before the connections below are made.
    replace(&folder.path().join("tls.crt"), "nothing of the kind\n");
    eventually("the bad file is named", LIMIT, || {
        g.stderr().contains("no certificate in it").then_some(())
    });
    for door in doors {
        assert_eq!(shown(&connect(door, &[&first, &second])), second);
    }
}
