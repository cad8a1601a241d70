//! What messages of alerts may expect of a store: made once, claimed by one, kept as marks, gone with their account.

use std::time::Duration;

use super::{Stores, alerts, at, change};
use crate::accounts::port::ErasureStep;
use crate::alerts::model::{ClaimedMail, Mail, MailOutcome, Matter, Recipient, UsageMark, Window};
use crate::base::clock::Timestamp;

/// A message about an hour that ends 600 seconds after noon.
pub(crate) fn mail(account: &str, to: &str) -> Mail {
    let mark = UsageMark {
        window: Window::Hour,
        percent: 80,
        used: 8,
        limit: 10,
        resets_at: at(600),
    };
    let to = Recipient::Email(to.to_owned());
    Mail::new(account, to, Matter::Usage(mark), at(0))
}

async fn put(s: &Stores, mails: &[Mail], now: Timestamp) -> Vec<bool> {
    s.mails.put_mails(mails, now).await.unwrap()
}

async fn claim(s: &Stores, now: i64, until: i64, limit: u32) -> Vec<ClaimedMail> {
    let claimed = s.mails.claim_mails(at(now), at(until), limit).await;
    claimed.unwrap()
}

async fn finish(s: &Stores, mail: &ClaimedMail, outcome: MailOutcome) {
    s.mails.finish_mail(mail, &outcome, at(0)).await.unwrap();
}

async fn waiting(s: &Stores) -> u64 {
    s.mails.mails_waiting().await.unwrap()
}

pub(crate) async fn a_message_is_put_once_however_often_it_comes(s: &Stores) {
    alerts::put(s, "a", 1).await;
    alerts::put(s, "b", 1).await;
    let (first, second) = (mail("a", "x@example.com"), mail("b", "x@example.com"));
    let both = [first.clone(), second.clone()];
    assert_eq!(put(s, std::slice::from_ref(&first), at(0)).await, [true]);
    assert_eq!(put(s, &both, at(1)).await, [false, true]);
    assert_eq!(put(s, &both, at(2)).await, [false, false]);
    assert_eq!(waiting(s).await, 2);
    for claimed in claim(s, 2, 60, 8).await {
        finish(s, &claimed, MailOutcome::Sent).await;
    }
    // What was sent is the mark that it was.
    assert_eq!(put(s, &both, at(3)).await, [false, false]);
    assert_eq!((waiting(s).await, claim(s, 600, 660, 8).await), (0, vec![]));
    assert!(put(s, &[], at(3)).await.is_empty());
}

pub(crate) async fn a_due_message_is_claimed_by_one_and_again_after_the_claim(s: &Stores) {
    alerts::put(s, "a", 1).await;
    let new = mail("a", "x@example.com");
    put(s, std::slice::from_ref(&new), at(0)).await;
    assert!(
        s.mails
            .claim_mails(at(-1), at(60), 8)
            .await
            .unwrap()
            .is_empty()
    );
    let mine = claim(s, 0, 60, 8).await;
    assert_eq!((&mine[0].mail, mine[0].attempts, mine.len()), (&new, 0, 1));
    assert!(claim(s, 59, 120, 8).await.is_empty());
    assert_eq!(waiting(s).await, 1);
    let theirs = claim(s, 60, 120, 8).await;
    assert_eq!(theirs[0].mail, new);
    assert_ne!(theirs[0].claim, mine[0].claim);
    // The first one's word does not count any more.
    finish(s, &mine[0], MailOutcome::Sent).await;
    assert_eq!(waiting(s).await, 1);
    finish(s, &theirs[0], MailOutcome::Sent).await;
    assert_eq!(waiting(s).await, 0);
}

pub(crate) async fn the_message_that_is_due_longest_goes_first(s: &Stores) {
    let mut expected = Vec::new();
    for n in 0..6 {
        let account = format!("acct_{n}");
        alerts::put(s, &account, 1).await;
        let new = mail(&account, "x@example.com");
        put(s, std::slice::from_ref(&new), at(10 - n)).await;
        expected.insert(0, new.id);
    }
    let ids = |claimed: Vec<ClaimedMail>| {
        let ids = claimed.into_iter().map(|c| c.mail.id);
        ids.collect::<Vec<_>>()
    };
    let mut first = ids(claim(s, 20, 60, 4).await);
    let mut rest = ids(claim(s, 20, 60, 4).await);
    // Of those that are claimed together the order is not told.
    let mut newest = expected.split_off(4);
    for part in [&mut first, &mut rest, &mut expected, &mut newest] {
        part.sort();
    }
    assert_eq!((first, rest), (expected, newest));
}

pub(crate) async fn a_message_comes_again_when_it_is_due_again(s: &Stores) {
    alerts::put(s, "a", 1).await;
    put(s, &[mail("a", "x@example.com")], at(0)).await;
    for (n, now) in [0, 100, 200].into_iter().enumerate() {
        assert!(claim(s, now - 1, now + 60, 8).await.is_empty());
        let claimed = claim(s, now, now + 60, 8).await;
        assert_eq!(claimed[0].attempts as usize, n);
        finish(s, &claimed[0], MailOutcome::Retry(at(now + 100))).await;
        assert_eq!(waiting(s).await, 1);
    }
    let claimed = claim(s, 300, 360, 8).await;
    finish(s, &claimed[0], MailOutcome::Failed).await;
    assert_eq!((waiting(s).await, claim(s, 900, 960, 8).await), (0, vec![]));
    // What was given up is not made again.
    assert_eq!(put(s, &[mail("a", "x@example.com")], at(5)).await, [false]);
}

pub(crate) async fn messages_are_forgotten_when_nothing_could_make_them_again(s: &Stores) {
    alerts::put(s, "a", 1).await;
    // Kept for moments only from the stores' own time on, so that those that forget by themselves do.
    let now = s.clock.now();
    let mut soon = mail("a", "x@example.com");
    soon.kept_until = now.plus(Duration::from_millis(50));
    let mut later = mail("a", "y@example.com");
    later.kept_until = now.plus(Duration::from_secs(3600));
    put(s, &[soon.clone(), later.clone()], now).await;
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let after = soon.kept_until;
    loop {
        s.mails.prune_mails(after).await.unwrap();
        // One that is forgotten is no mark any more.
        let mut again = soon.clone();
        again.kept_until = now.plus(Duration::from_secs(3600));
        if put(s, &[again], now).await == [true] {
            break;
        }
        assert!(std::time::Instant::now() < end, "it is still there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(put(s, &[later], now).await, [false]);
}

pub(crate) async fn messages_go_with_their_account_and_none_comes_late(s: &Stores) {
    alerts::put(s, "a", 1).await;
    alerts::put(s, "b", 1).await;
    let kept = mail("b", "x@example.com");
    let gone = [mail("a", "x@example.com"), mail("a", "y@example.com")];
    put(s, &gone, at(0)).await;
    put(s, std::slice::from_ref(&kept), at(0)).await;
    let sent = claim(s, 0, 60, 1).await;
    let why = change("account.erase", "a");
    s.accounts.begin_erasure("a", &why).await.unwrap();
    while s.accounts.erase_some("a").await.unwrap() != ErasureStep::Done {}
    // A node that has not heard of it yet.
    assert_eq!(put(s, &gone, at(1)).await, [false, false]);
    for claimed in &sent {
        finish(s, claimed, MailOutcome::Retry(at(5))).await;
    }
    let left = claim(s, 100, 160, 8).await;
    let left: Vec<_> = left.into_iter().map(|c| c.mail).collect();
    assert_eq!(left, [kept]);
}

pub(crate) async fn an_account_without_alerts_gets_no_messages(s: &Stores) {
    assert_eq!(put(s, &[mail("a", "x@example.com")], at(0)).await, [false]);
    assert_eq!(waiting(s).await, 0);
}
