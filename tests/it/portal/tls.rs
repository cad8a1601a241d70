//! The portal's own TLS: a session by a client that keeps browsers' rules for cookies, from its link to its end; never plain HTTP.

use std::path::Path;

use crate::support::portal::{Portal, Setup, hidden};
use crate::support::programs;

/// Writes a certificate of 127.0.0.1 with its key.
fn certificate(folder: &Path) {
    let pair = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("tls.crt"), pair.cert.pem()).unwrap();
    std::fs::write(folder.join("tls.key"), pair.signing_key.serialize_pem()).unwrap();
}

/// What curl says of a call, with its cookies in the folder; empty where it fails.
fn curl(folder: &Path, more: &[&str]) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let (jar, authority) = (file("jar"), file("tls.crt"));
    let mut all = vec!["-sS", "-i", "--cacert", &authority, "-b", &jar, "-c", &jar];
    all.extend(more);
    let out = programs::run("curl", &all);
    String::from_utf8(out.stdout).unwrap()
}

fn field<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let mut lines = answer.lines().take_while(|l| !l.is_empty());
    lines.find_map(|l| {
        let (n, value) = l.split_once(':')?;
        n.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn status(answer: &str) -> &str {
    answer.split_whitespace().nth(1).unwrap_or_default()
}

#[test]
fn a_session_over_tls_has_a_cookie_of_this_host_alone_and_ends_on_both_stores() {
    for on_redis in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        certificate(folder);
        let portal = Portal::with(&Setup {
            on_redis,
            tls: Some(folder),
            ..Setup::default()
        });
        let link = portal.link("acct_1", "developer");
        assert!(link.starts_with("https://127.0.0.1:"), "{link}");
        let opened = curl(folder, &[&link]);
        assert_eq!(status(&opened), "303", "{opened}");
        let cookie = field(&opened, "set-cookie").unwrap();
        assert!(cookie.starts_with("__Host-fuelgate-portal=ps_"), "{cookie}");
        for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        for version in ["--http1.1", "--http2"] {
            let page = curl(folder, &[version, &format!("{}/session", portal.url)]);
            assert_eq!(status(&page), "200", "{version}: {page}");
            assert!(page.contains("acct_1"));
            let transport = field(&page, "strict-transport-security");
            assert_eq!(transport, Some("max-age=31536000"), "{version}");
        }
        // Files and refusals say it too.
        for path in ["/nothing", "/assets/none.css", "/docs"] {
            let answer = curl(folder, &[&format!("{}{path}", portal.url)]);
            assert!(
                field(&answer, "strict-transport-security").is_some(),
                "{path}"
            );
        }
        // The jar keeps the cookie from plain HTTP, where nobody would understand it anyway.
        let plain = portal.url.replace("https:", "http:");
        assert_eq!(curl(folder, &[&plain]), "");
        assert_eq!(curl(folder, &["--tls-max", "1.1", &portal.url]), "");

        let page = curl(folder, &[&format!("{}/session", portal.url)]);
        let csrf = format!("csrf={}", hidden(&page, "csrf"));
        let out = format!("{}/sign-out", portal.url);
        let origin = format!("Origin: {}", portal.url);
        let forged = curl(
            folder,
            &["-d", &csrf, "-H", "Origin: https://127.0.0.1", &out],
        );
        assert_eq!(status(&forged), "403", "{forged}");
        let jar = std::fs::read_to_string(folder.join("jar")).unwrap();
        let ended = curl(folder, &["-d", &csrf, "-H", &origin, &out]);
        assert_eq!(status(&ended), "303", "{ended}");
        assert!(
            field(&ended, "set-cookie").unwrap().contains("Max-Age=0; ")
                || field(&ended, "set-cookie").unwrap().ends_with("Max-Age=0")
        );
        // Not only the browser forgot it.
        std::fs::write(folder.join("jar"), jar).unwrap();
        let dead = curl(folder, &[&format!("{}/session", portal.url)]);
        assert_eq!(status(&dead), "401", "{dead}");
    }
}
