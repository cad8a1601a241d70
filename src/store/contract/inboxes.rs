//! What inboxes may expect of a store: they live their time, keep what they caught within bounds and go with their account.

use super::{Stores, assert_conflict, assert_not_found, at, change};
use crate::base::clock::Timestamp;
use crate::base::ids;
use crate::webhooks::model::SealedSecret;
use crate::webhooks::simulator::inbox::{
    Bounds, HeaderField, INBOX, Inbox, InboxBody, InboxMessage, MESSAGE, Token,
};

pub(crate) fn inbox(account: &str, seconds: i64) -> Inbox {
    Inbox {
        id: ids::new(INBOX),
        account_id: account.to_owned(),
        token_digest: Token::generate().unwrap().digest(),
        sealed: SealedSecret {
            pepper_id: "p1".to_owned(),
            sealed: "AAAA".to_owned(),
            valid_until: None,
        },
        expires_at: at(seconds),
    }
}

pub(crate) fn message(body: &str) -> InboxMessage {
    InboxMessage {
        id: ids::new(MESSAGE),
        received_at: at(1),
        headers: vec![HeaderField::new("webhook-id", "evt_\"1\"")],
        body: InboxBody::Text(body.to_owned()),
        verified: false,
        why_not: Some("there is no webhook-id".to_owned()),
        signed_by: None,
    }
}

async fn make(s: &Stores, account: &str, seconds: i64) -> Inbox {
    let new = inbox(account, seconds);
    let why = change("inbox.create", account);
    s.inboxes.create_inbox(&new, 3, at(0), &why).await.unwrap();
    new
}

async fn put(s: &Stores, inbox: &Inbox, body: &str) -> InboxMessage {
    let new = message(body);
    let bounds = Bounds::default();
    let done = s.inboxes.put_message(inbox, &new, bounds, at(1)).await;
    done.unwrap();
    new
}

async fn messages(s: &Stores, inbox: &Inbox, now: Timestamp) -> Vec<InboxMessage> {
    s.inboxes.messages(inbox, now).await.unwrap()
}

pub(crate) async fn an_inbox_is_found_by_id_token_and_account_until_it_expires(s: &Stores) {
    let (first, second) = (make(s, "a", 60).await, make(s, "a", 90).await);
    let other = make(s, "b", 60).await;
    for i in [&first, &second, &other] {
        let by_id = s.inboxes.inbox(&i.id, at(59)).await.unwrap();
        assert_eq!(by_id.as_ref(), Some(i));
        let digest = &i.token_digest;
        let by_token = s.inboxes.inbox_of_token(digest, at(59)).await.unwrap();
        assert_eq!(by_token.as_ref(), Some(i));
    }
    let of_a = s.inboxes.inboxes("a", at(59)).await.unwrap();
    assert_eq!(of_a, [second.clone(), first.clone()]);
    assert_eq!(s.inboxes.inbox(&first.id, at(60)).await.unwrap(), None);
    let digest = &first.token_digest;
    let expired = s.inboxes.inbox_of_token(digest, at(60)).await.unwrap();
    assert_eq!(expired, None);
    assert_eq!(s.inboxes.inboxes("a", at(60)).await.unwrap(), [second]);
    let stranger = Token::generate().unwrap().digest();
    let unknown = s.inboxes.inbox_of_token(&stranger, at(0)).await.unwrap();
    assert_eq!(unknown, None);
    assert_eq!(s.inboxes.inbox("ibx_none", at(0)).await.unwrap(), None);
    assert!(s.inboxes.inboxes("nobody", at(0)).await.unwrap().is_empty());
}

pub(crate) async fn an_account_has_no_more_inboxes_than_it_may(s: &Stores) {
    make(s, "a", 60).await;
    make(s, "a", 90).await;
    make(s, "a", 90).await;
    let why = || change("inbox.create", "a");
    let refused = inbox("a", 90);
    assert_conflict(s.inboxes.create_inbox(&refused, 3, at(0), &why()).await);
    let digest = &refused.token_digest;
    let unknown = s.inboxes.inbox_of_token(digest, at(0)).await.unwrap();
    assert_eq!(unknown, None);
    make(s, "b", 60).await;
    // One that has expired makes room.
    let next = inbox("a", 90);
    s.inboxes
        .create_inbox(&next, 3, at(60), &why())
        .await
        .unwrap();
}

pub(crate) async fn messages_are_kept_newest_first_and_once(s: &Stores) {
    let (i, other) = (make(s, "a", 60).await, make(s, "a", 60).await);
    let first = put(s, &i, "{\"Zoë\":\"\\u0000\n\"}").await;
    let second = put(s, &i, "").await;
    let bounds = Bounds::default();
    s.inboxes
        .put_message(&i, &first, bounds, at(2))
        .await
        .unwrap();
    assert_eq!(messages(s, &i, at(2)).await, [second, first]);
    assert!(messages(s, &other, at(2)).await.is_empty());
    assert!(messages(s, &i, at(60)).await.is_empty());
    assert_not_found(
        s.inboxes
            .put_message(&i, &message("x"), bounds, at(60))
            .await,
    );
    let never = inbox("a", 60);
    assert_not_found(
        s.inboxes
            .put_message(&never, &message("x"), bounds, at(1))
            .await,
    );
}

pub(crate) async fn of_too_many_messages_the_oldest_go(s: &Stores) {
    let i = make(s, "a", 60).await;
    let few = Bounds {
        messages: 2,
        bytes: 1 << 20,
    };
    let mut all = Vec::new();
    for n in 0..4 {
        let new = message(&"x".repeat(100 + n));
        s.inboxes.put_message(&i, &new, few, at(1)).await.unwrap();
        all.push(new);
    }
    let left = messages(s, &i, at(1)).await;
    assert_eq!(left, [all[3].clone(), all[2].clone()]);
    // Bytes are counted as messages are at rest: one of these has room, two have not.
    let small = Bounds {
        messages: 9,
        bytes: 1_500,
    };
    for _ in 0..3 {
        let new = message(&"ö".repeat(500));
        s.inboxes.put_message(&i, &new, small, at(1)).await.unwrap();
        assert_eq!(messages(s, &i, at(1)).await, [new]);
    }
}

pub(crate) async fn a_deleted_inbox_is_gone_with_what_it_caught(s: &Stores) {
    let (i, kept) = (make(s, "a", 60).await, make(s, "a", 60).await);
    put(s, &i, "x").await;
    let stays = put(s, &kept, "y").await;
    let why = || change("inbox.delete", "a");
    s.inboxes.delete_inbox(&i.id, at(1), &why()).await.unwrap();
    assert_not_found(s.inboxes.delete_inbox(&i.id, at(1), &why()).await);
    assert_not_found(s.inboxes.delete_inbox(&kept.id, at(60), &why()).await);
    assert_eq!(s.inboxes.inbox(&i.id, at(1)).await.unwrap(), None);
    let digest = &i.token_digest;
    let found = s.inboxes.inbox_of_token(digest, at(1)).await.unwrap();
    assert_eq!(found, None);
    assert!(messages(s, &i, at(1)).await.is_empty());
    assert_not_found(
        s.inboxes
            .put_message(&i, &message("z"), Bounds::default(), at(1))
            .await,
    );
    assert_eq!(messages(s, &kept, at(1)).await, [stays]);
}

pub(crate) async fn expired_inboxes_are_pruned_and_no_others(s: &Stores) {
    let (i, kept) = (make(s, "a", 60).await, make(s, "a", 90).await);
    put(s, &i, "x").await;
    let stays = put(s, &kept, "y").await;
    s.inboxes.prune_inboxes(at(60)).await.unwrap();
    assert_eq!(messages(s, &kept, at(60)).await, [stays]);
    assert_eq!(s.inboxes.inboxes("a", at(60)).await.unwrap(), [kept]);
}

pub(crate) async fn inboxes_go_with_their_account(s: &Stores) {
    let (i, kept) = (make(s, "a", 60).await, make(s, "b", 60).await);
    put(s, &i, "x").await;
    let why = || change("account.erase", "a");
    s.accounts.begin_erasure("a", &why()).await.unwrap();
    assert_conflict(
        s.inboxes
            .create_inbox(&inbox("a", 60), 3, at(0), &why())
            .await,
    );
    while s.accounts.erase_some("a").await.unwrap() != crate::accounts::port::ErasureStep::Done {}
    assert_eq!(s.inboxes.inbox(&i.id, at(1)).await.unwrap(), None);
    let digest = &i.token_digest;
    let found = s.inboxes.inbox_of_token(digest, at(1)).await.unwrap();
    assert_eq!(found, None);
    assert!(messages(s, &i, at(1)).await.is_empty());
    assert_eq!(s.inboxes.inboxes("b", at(1)).await.unwrap(), [kept]);
}
