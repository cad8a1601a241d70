//! Tests of where requests may go and what is said when they may not.

use super::*;
use crate::config::model::NameServers;

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
    let strict = transport(&[], &[]);
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
    let t = transport(&["127.0.0.0/8"], &[]);
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
    t.set(allowed(&[], &[]), NameServers::default()).unwrap();
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

#[tokio::test]
async fn the_first_fields_of_a_reply_are_kept_as_text_that_is_cut() {
    use crate::base::ceilings::{WEBHOOK_REPLY_FIELD_BYTES, WEBHOOK_REPLY_FIELDS_KEPT};
    let (address, _) = receiver().await;
    let t = loopback();
    let reply = t
        .send(&to(format!("http://{address}/fields/60")))
        .await
        .unwrap();
    assert_eq!(reply.headers.len(), WEBHOOK_REPLY_FIELDS_KEPT);
    let long = reply
        .headers
        .iter()
        .find(|(n, _)| n == "x-field-7")
        .unwrap();
    assert_eq!(long.1, "é".repeat(WEBHOOK_REPLY_FIELD_BYTES / 2));
    let many = t.send(&to(format!("http://{address}/fields/200"))).await;
    assert_eq!(
        many.unwrap_err(),
        "the receiver broke off or does not speak HTTP"
    );
}

#[tokio::test]
async fn a_kept_connection_is_no_way_around_a_shorter_list() {
    let (address, inbox) = receiver().await;
    let t = transport(&[], &["localhost"]);
    let url = format!("http://localhost:{}/good", address.port());
    assert_eq!(t.send(&to(url.clone())).await.unwrap().status, 200);
    t.set(allowed(&["10.0.0.0/8"], &[]), NameServers::default())
        .unwrap();
    let refused = t.send(&to(url.clone())).await.unwrap_err();
    assert_eq!(refused, "the receiver's address is not allowed");
    t.set(allowed(&[], &["LOCALHOST"]), NameServers::default())
        .unwrap();
    assert_eq!(t.send(&to(url)).await.unwrap().status, 200);
    assert_eq!(inbox.len(), 2);
}
