//! Sessions by the clock: links that are taken once, cookies that change, ends that are kept; over a store in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::base::audit::Change;
use crate::base::ceilings::portal::PORTAL_IDLE;

/// Sessions in memory, by id.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Session>>);

#[async_trait]
impl SessionStore for Memory {
    async fn create_session(
        &self,
        session: &Session,
        max: usize,
        now: Timestamp,
        _: &Change,
    ) -> Result<(), StoreError> {
        let mut all = self.0.lock();
        let of_account = |s: &&Session| s.account_id == session.account_id && s.ends_at > now;
        if all.values().filter(of_account).count() >= max {
            return Err(StoreError::Conflict("too many".into()));
        }
        all.insert(session.id.clone(), session.clone());
        Ok(())
    }

    async fn session(
        &self,
        account_id: &str,
        id: &str,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let found = self.0.lock().get(id).cloned();
        Ok(found.filter(|s| s.account_id == account_id && s.ends_at > now))
    }

    async fn update_session(&self, session: &Session, _: Timestamp) -> Result<(), StoreError> {
        let mut all = self.0.lock();
        let stored = all.get_mut(&session.id).ok_or(StoreError::NotFound)?;
        if stored.revision + 1 != session.revision {
            return Err(StoreError::Conflict("revision".into()));
        }
        *stored = session.clone();
        Ok(())
    }

    async fn delete_session(&self, account_id: &str, id: &str) -> Result<(), StoreError> {
        self.0
            .lock()
            .retain(|key, s| key != id || s.account_id != account_id);
        Ok(())
    }

    async fn prune_sessions(&self, now: Timestamp) -> Result<(), StoreError> {
        self.0.lock().retain(|_, s| s.ends_at > now);
        Ok(())
    }
}

const START: Timestamp = Timestamp::from_secs(1_800_000_000);

fn after(seconds: u64) -> Timestamp {
    START.plus(Duration::from_secs(seconds))
}

fn service() -> SessionService {
    SessionService::new(Arc::new(Memory::default()))
}

fn wanted() -> NewSession {
    NewSession {
        account_id: "acct_1".into(),
        person: Person {
            id: "u_7".into(),
            email: Some("dev@example.com".into()),
        },
        role: "developer".into(),
        expires_in_seconds: Some(7200),
    }
}

async fn link(service: &SessionService) -> String {
    let ctx = ChangeContext::internal(START, "test");
    let text = service.create(&wanted(), &ctx).await.unwrap();
    text.expose().to_owned()
}

/// A session that is signed in, and its cookie.
async fn opened(service: &SessionService) -> (Session, String) {
    let link = link(service).await;
    let opened = service.take_link(&link, START).await.unwrap();
    (opened.session, opened.cookie.expose().to_owned())
}

async fn live(service: &SessionService, cookie: &str, at: Timestamp) -> Option<Live> {
    service.of_cookie(cookie, true, at).await.unwrap()
}

#[tokio::test]
async fn a_link_is_taken_once() {
    let service = service();
    let link = link(&service).await;
    assert_eq!(
        service.of_link(&link, START).await.unwrap().person.id,
        "u_7"
    );
    let opened = service.take_link(&link, after(1)).await.unwrap();
    assert_ne!(opened.cookie.expose(), link);
    for again in [
        service.take_link(&link, after(1)).await.map(|_| ()),
        service.of_link(&link, after(2)).await.map(|_| ()),
        // Neither of the two passes for the other.
        service
            .of_link(opened.cookie.expose(), after(1))
            .await
            .map(|_| ()),
    ] {
        assert!(matches!(again, Err(LinkError::Refused)), "{again:?}");
    }
    assert!(live(&service, &link, after(1)).await.is_none());
    let known = live(&service, opened.cookie.expose(), after(1)).await;
    assert_eq!(known.unwrap().session, opened.session);
}

#[tokio::test]
async fn of_two_that_take_a_link_at_the_same_time_one_wins() {
    let service = service();
    let link = link(&service).await;
    let seen = service.of_link(&link, START).await.unwrap();
    service.take_link(&link, START).await.unwrap();
    // The other one had read the session before it was taken.
    let mut late = seen;
    late.revision += 1;
    let refused = service.store.update_session(&late, START).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    let error = LinkError::from(refused.unwrap_err());
    assert!(matches!(error, LinkError::Refused));
}

#[tokio::test]
async fn a_link_expires_and_every_part_of_it_counts() {
    let service = service();
    let link = link(&service).await;
    let late = START.plus(PORTAL_LINK_TIME);
    assert!(service.of_link(&link, late).await.is_err());
    for at in 0..link.len() {
        let mut forged = link.clone().into_bytes();
        forged[at] = if forged[at] == b'a' { b'b' } else { b'a' };
        let forged = String::from_utf8(forged).unwrap();
        let refused = service.take_link(&forged, START).await;
        assert!(matches!(refused, Err(LinkError::Refused)), "{forged}");
    }
    assert!(service.take_link(&link, START).await.is_ok());
}

#[tokio::test]
async fn a_cookie_changes_and_the_one_before_it_lasts_a_moment() {
    let service = service();
    let (_, first) = opened(&service).await;
    // In use all the time, so that it is not idle.
    let minutes = PORTAL_ROTATE.as_secs() / 60;
    for minute in 1..minutes {
        let known = live(&service, &first, after(minute * 60)).await.unwrap();
        assert!(known.renewed.is_none());
    }
    let now = START.plus(PORTAL_ROTATE);
    let without = service.of_cookie(&first, false, now).await.unwrap();
    assert!(without.unwrap().renewed.is_none(), "the answer sets none");
    let second = live(&service, &first, now).await.unwrap().renewed.unwrap();
    let during = now.plus(PORTAL_PREVIOUS / 2);
    let by_first = live(&service, &first, during).await.unwrap();
    assert!(by_first.renewed.is_none());
    assert!(live(&service, second.expose(), during).await.is_some());
    let over = now.plus(PORTAL_PREVIOUS);
    assert!(live(&service, &first, over).await.is_none());
    assert!(live(&service, second.expose(), over).await.is_some());
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_time_whatever_is_done() {
    let service = service();
    let (_, cookie) = opened(&service).await;
    let just = START.plus(PORTAL_IDLE).minus(Duration::from_millis(1));
    let known = service.of_cookie(&cookie, false, just).await.unwrap();
    assert_eq!(known.unwrap().session.seen_at, just);
    let mut now = just;
    // Used every ten minutes it lasts its two hours, and not longer.
    while let Some(live) = service.of_cookie(&cookie, false, now).await.unwrap() {
        assert!(now < live.session.ends_at);
        now = now.plus(Duration::from_secs(600));
    }
    assert!(now >= after(7200) && now < after(7800), "{now}");

    let (_, cookie) = opened(&service).await;
    let idle = START.plus(PORTAL_IDLE);
    assert!(live(&service, &cookie, idle).await.is_none());
    assert!(
        live(&service, &cookie, START).await.is_none(),
        "it is gone for good"
    );
}

#[tokio::test]
async fn a_session_that_was_ended_is_known_no_more() {
    let service = service();
    let (session, cookie) = opened(&service).await;
    service.end(&session).await.unwrap();
    assert!(live(&service, &cookie, START).await.is_none());
    service.end(&session).await.unwrap();
}

#[tokio::test]
async fn what_a_caller_asks_for_is_checked() {
    let service = service();
    let ctx = ChangeContext::internal(START, "test");
    let with = |change: &dyn Fn(&mut NewSession)| {
        let mut new = wanted();
        change(&mut new);
        new
    };
    for (bad, field) in [
        (with(&|n| n.account_id = "a b".into()), "account_id"),
        (
            with(&|n| n.account_id = "fuelgate:operator".into()),
            "account_id",
        ),
        (with(&|n| n.person.id = String::new()), "user.id"),
        (with(&|n| n.person.email = Some("x".into())), "user.email"),
        (with(&|n| n.role = "admin".into()), "role"),
        (
            with(&|n| n.expires_in_seconds = Some(0)),
            "expires_in_seconds",
        ),
        (
            with(&|n| n.expires_in_seconds = Some(43_201)),
            "expires_in_seconds",
        ),
    ] {
        let Err(PortalError::Invalid(errors)) = service.create(&bad, &ctx).await else {
            panic!("{bad:?} was taken");
        };
        assert_eq!(errors[0].field, field);
        assert_eq!(errors.len(), 1);
    }
}
