//! Tests of where requests may go and what is said when they may not.

use super::*;

fn to(url: String) -> OutgoingRequest {
    OutgoingRequest {
        url,
        headers: vec![],
        body: "{}".to_owned(),
        timeout: TIMEOUT,
        pace: None,
    }
}

#[tokio::test]
async fn targets_that_are_not_public_are_refused_in_every_spelling() {
    let (address, inbox) = receiver().await;
    let strict = HttpTransport::new(vec![]).unwrap();
    let port = address.port();
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "017700000001",
        "127.1",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "0.0.0.0",
        "0",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "１２７.0.0.1",
    ] {
        for scheme in ["https", "http"] {
            let url = format!("{scheme}://{host}:{port}/good");
            assert!(strict.check_url(&url).is_err(), "{url}");
            assert!(strict.send(&to(url.clone())).await.is_err(), "{url}");
        }
    }
    let e = strict
        .send(&to(format!("https://localhost:{port}/good")))
        .await
        .unwrap_err();
    assert_eq!(e, "the receiver's address is not allowed");
    assert_eq!(inbox.len(), 0);
}

#[tokio::test]
async fn http_goes_to_listed_targets_only_and_the_list_can_change() {
    let (address, inbox) = receiver().await;
    let t = HttpTransport::new(vec!["127.0.0.0/8".parse().unwrap()]).unwrap();
    let url = format!("http://{address}/good");
    assert_eq!(t.send(&to(url.clone())).await.unwrap().status, 200);
    assert!(t.check_url("http://8.8.8.8/hook").is_err());
    assert!(t.check_url("https://8.8.8.8/hook").is_ok());
    assert!(t.check_url("https://receiver.example/hook").is_ok());
    for bad in [
        "ftp://receiver.example/",
        "https://user@receiver.example/",
        "https://u:p@receiver.example/",
        "receiver.example",
        "https://",
        "",
        "file:///etc/passwd",
        "https://999.1.1.1/",
    ] {
        assert!(t.check_url(bad).is_err(), "{bad}");
    }
    t.set_listed(vec![]).unwrap();
    assert!(t.send(&to(url)).await.is_err());
    assert_eq!(inbox.len(), 1);
}

#[tokio::test]
async fn errors_say_what_went_wrong_and_no_address() {
    let t = loopback();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let e = t.send(&to(format!("http://{address}/"))).await.unwrap_err();
    assert_eq!(e, "the connection was refused");
    let (plain, _) = receiver().await;
    let e = t
        .send(&to(format!("https://{plain}/good")))
        .await
        .unwrap_err();
    assert!(e.starts_with("the TLS handshake failed"), "{e}");
    let e = t
        .send(&to("https://no-such-host.invalid/".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(e, "the host name does not resolve");
}
