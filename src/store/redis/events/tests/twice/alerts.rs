//! Scripts of alerts and their messages called a second time; never what they are for.

use std::time::Duration;

use super::super::alone;
use super::{Watch, again};
use crate::alerts::model::MailOutcome;
use crate::store::contract::{alerts, mails};

#[tokio::test]
async fn alerts_and_their_messages_are_put_claimed_and_finished_once() {
    let (server, s, store) = alone().await;
    let mut watch = Watch::start(server.port).await;
    alerts::put(&s, "a", 1).await;
    again(&mut watch, &store, 1).await;
    let now = s.clock.now();
    let mut new = mails::mail("a", "x@example.com");
    new.kept_until = now.plus(Duration::from_secs(3600));
    assert_eq!(s.mails.put_mails(&[new], now).await.unwrap(), [true]);
    assert_eq!(again(&mut watch, &store, 1).await, [redis::Value::Int(1)]);
    let until = now.plus(Duration::from_secs(60));
    for outcome in [MailOutcome::Retry(now), MailOutcome::Sent] {
        let claimed = s.mails.claim_mails(now, until, 8).await.unwrap();
        // The second call gets what the first one got.
        let answers = again(&mut watch, &store, 1).await;
        assert!(
            matches!(answers[..], [redis::Value::Array(_)]),
            "{answers:?}"
        );
        s.mails
            .finish_mail(&claimed[0], &outcome, now)
            .await
            .unwrap();
        again(&mut watch, &store, 1).await;
    }
    assert_eq!(s.mails.mails_waiting().await.unwrap(), 0);
}
