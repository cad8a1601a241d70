//! What the portal's sessions may expect of a store: they live their time, change one revision at a time and go with their account.

use super::{Stores, assert_conflict, assert_not_found, at, change, change_with_answer};
use crate::accounts::port::ErasureStep;
use crate::base::ids;
use crate::portal::model::{Person, Role, Session};

/// A session that waits for its link and ends after so many seconds.
pub(crate) fn session(account: &str, seconds: i64) -> Session {
    Session {
        id: ids::new("ps_"),
        account_id: account.to_owned(),
        person: Person {
            id: "user \"1\"\n".to_owned(),
            email: Some("zoë@example.com".to_owned()),
        },
        role: Role::Developer,
        link: Some([1; 32]),
        link_until: at(300),
        token: None,
        token_at: at(0),
        previous: None,
        made_at: at(0),
        seen_at: at(0),
        ends_at: at(seconds),
        revision: 1,
    }
}

pub(crate) async fn make(s: &Stores, account: &str, seconds: i64) -> Session {
    let new = session(account, seconds);
    let why = change("portal_session.create", account);
    s.sessions
        .create_session(&new, 3, at(0), &why)
        .await
        .unwrap();
    new
}

async fn find(s: &Stores, like: &Session, seconds: i64) -> Option<Session> {
    s.sessions
        .session(&like.account_id, &like.id, at(seconds))
        .await
        .unwrap()
}

/// The session after its link was used.
pub(crate) fn opened(session: &Session) -> Session {
    Session {
        link: None,
        token: Some([2; 32]),
        token_at: at(5),
        previous: Some(([3; 32], at(35))),
        seen_at: at(5),
        revision: session.revision + 1,
        ..session.clone()
    }
}

pub(crate) async fn a_session_is_found_until_it_ends(s: &Stores) {
    let (first, second) = (make(s, "a", 60).await, make(s, "a", 90).await);
    let other = make(s, "b", 60).await;
    for one in [&first, &second, &other] {
        assert_eq!(find(s, one, 59).await.as_ref(), Some(one));
    }
    assert_eq!(find(s, &first, 60).await, None);
    assert_eq!(find(s, &second, 60).await, Some(second.clone()));
    // Only in its own account, whether or not another one lies beside it.
    for account in ["b", "nobody"] {
        let foreign = s.sessions.session(account, &first.id, at(0)).await;
        assert_eq!(foreign.unwrap(), None);
    }
    let unknown = s.sessions.session("a", "ps_none", at(0)).await;
    assert_eq!(unknown.unwrap(), None);
    let again = change("portal_session.create", "a");
    assert_conflict(s.sessions.create_session(&first, 9, at(0), &again).await);
}

pub(crate) async fn a_session_is_replaced_only_from_its_present_revision(s: &Stores) {
    let made = make(s, "a", 60).await;
    let second = opened(&made);
    s.sessions.update_session(&second, at(5)).await.unwrap();
    // It came twice.
    s.sessions.update_session(&second, at(5)).await.unwrap();
    assert_eq!(find(s, &made, 5).await, Some(second.clone()));
    // Two took the link at once.
    let rival = Session {
        token: Some([9; 32]),
        ..second.clone()
    };
    assert_conflict(s.sessions.update_session(&rival, at(5)).await);
    let ahead = Session {
        revision: 4,
        ..rival.clone()
    };
    assert_conflict(s.sessions.update_session(&ahead, at(5)).await);
    assert_eq!(find(s, &made, 5).await, Some(second.clone()));
    let third = Session {
        ends_at: at(90),
        ..opened(&second)
    };
    s.sessions.update_session(&third, at(59)).await.unwrap();
    assert_eq!(find(s, &made, 89).await, Some(third.clone()));
    assert_not_found(s.sessions.update_session(&opened(&third), at(90)).await);
    let never = opened(&session("a", 60));
    assert_not_found(s.sessions.update_session(&never, at(5)).await);
    let foreign = Session {
        account_id: "b".to_owned(),
        ..opened(&third)
    };
    assert_not_found(s.sessions.update_session(&foreign, at(5)).await);
}

pub(crate) async fn an_account_has_no_more_sessions_than_allowed(s: &Stores) {
    let first = make(s, "a", 60).await;
    make(s, "a", 90).await;
    make(s, "a", 90).await;
    let refused = session("a", 90);
    let why = change_with_answer("portal_session.create", "a", "k");
    assert_conflict(s.sessions.create_session(&refused, 3, at(0), &why).await);
    assert_eq!(find(s, &refused, 0).await, None);
    make(s, "b", 60).await;
    // One that has ended makes room, and the refusal left nothing behind.
    s.sessions
        .create_session(&refused, 3, at(60), &why)
        .await
        .unwrap();
    assert_eq!(find(s, &refused, 60).await, Some(refused));
    assert_eq!(find(s, &first, 60).await, None);
    let answer = s.accounts.idempotent_answer("k", at(0)).await.unwrap();
    assert!(answer.is_some());
    let next = session("a", 90);
    let why = change_with_answer("portal_session.create", "a", "k");
    assert_conflict(s.sessions.create_session(&next, 9, at(60), &why).await);
    assert_eq!(find(s, &next, 60).await, None);
}

pub(crate) async fn a_deleted_session_is_gone_and_no_other(s: &Stores) {
    let (gone, kept) = (make(s, "a", 60).await, make(s, "a", 60).await);
    s.sessions.delete_session("b", &kept.id).await.unwrap();
    for _ in 0..2 {
        s.sessions.delete_session("a", &gone.id).await.unwrap();
    }
    assert_eq!(find(s, &gone, 1).await, None);
    assert_not_found(s.sessions.update_session(&opened(&gone), at(1)).await);
    assert_eq!(find(s, &kept, 1).await, Some(kept));
    // It makes room.
    make(s, "a", 60).await;
    make(s, "a", 60).await;
}

pub(crate) async fn ended_sessions_are_pruned_and_no_others(s: &Stores) {
    let (ended, kept) = (make(s, "a", 60).await, make(s, "a", 90).await);
    s.sessions.prune_sessions(at(60)).await.unwrap();
    assert_eq!(find(s, &ended, 60).await, None);
    assert_eq!(find(s, &kept, 60).await, Some(kept));
}

async fn erase(s: &Stores, account: &str) {
    while s.accounts.erase_some(account).await.unwrap() != ErasureStep::Done {}
}

pub(crate) async fn sessions_go_with_their_account(s: &Stores) {
    let (waits, used, kept) = (
        make(s, "a", 60).await,
        make(s, "a", 60).await,
        make(s, "b", 60).await,
    );
    s.sessions
        .update_session(&opened(&used), at(5))
        .await
        .unwrap();
    let why = change("account.erase", "a");
    s.accounts.begin_erasure("a", &why).await.unwrap();
    // At once, not only when the last step is done.
    for one in [&waits, &used] {
        assert_eq!(find(s, one, 6).await, None);
    }
    erase(s, "a").await;
    for one in [&waits, &used] {
        assert_eq!(find(s, one, 6).await, None);
    }
    assert_eq!(find(s, &kept, 6).await, Some(kept));
    // The account may come back, its sessions may not.
    let back = make(s, "a", 60).await;
    assert_eq!(find(s, &back, 6).await, Some(back));
    assert_eq!(find(s, &used, 6).await, None);
}

pub(crate) async fn what_comes_late_for_an_erased_account_is_refused(s: &Stores) {
    let known = make(s, "a", 60).await;
    let why = || change("account.erase", "a");
    s.accounts.begin_erasure("a", &why()).await.unwrap();
    let late = session("a", 60);
    assert_conflict(s.sessions.create_session(&late, 3, at(0), &why()).await);
    assert_not_found(s.sessions.update_session(&opened(&known), at(5)).await);
    erase(s, "a").await;
    assert_not_found(s.sessions.update_session(&opened(&known), at(5)).await);
    assert_eq!(find(s, &known, 5).await, None);
    assert_eq!(find(s, &late, 5).await, None);
}
