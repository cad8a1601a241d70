//! The delivery queue: whose turn it is and who has claimed what; never an attempt, nor what came of it.
//!
//! Each shard has its active endpoints in line, by when the first of their queue may be taken; those whose last attempt
//! failed are a line of their own. A claim looks at both, shares its room between accounts and their endpoints, and takes
//! from each queue the oldest deliveries first, which it moves to the end of the claim, in one script for each shard. How
//! much an endpoint has to give, and may be given at once, only the script sees: what is left of the room then goes to
//! those that had more. An endpoint that is paused is not in line, however much waits for it.

use std::collections::BTreeMap;
use std::convert::Infallible;

use futures_util::future::join_all;

use super::backlog;
use super::claimed::ready;
use super::shard::{SUSPECT, Shard, answered, fetch, on_some};
use crate::base::ceilings::{ENDPOINTS_LOOKED, REDIS_CLAIM, REDIS_CLAIM_ROUNDS, REDIS_LATE_CALL};
use crate::base::error::StoreError;
use crate::base::ids;
use crate::store::redis::Store;
use crate::store::redis::link::{Call, Patience};
use crate::store::redis::script::script;
use crate::webhooks::model::ClaimedDelivery;
use crate::webhooks::port::ClaimTerms;
use crate::webhooks::share::{Candidate, Room, Turns};

script!(
    CLAIM,
    "events/next.lua",
    "events/queue.lua",
    "events/claim.lua"
);

/// An endpoint in line.
struct Waiting {
    shard: u32,
    endpoint: String,
    account: String,
    since: f64,
    is_suspect: bool,
}

/// A claim as its script gives it.
pub(super) struct Taken {
    /// The shard.
    pub(super) shard: u32,
    /// The endpoint.
    pub(super) endpoint: String,
    /// The delivery.
    pub(super) id: String,
    /// Whose claim it is.
    pub(super) token: String,
    due_at: i64,
}

/// What one shard has in line, and an endpoint that is gone and for which something waits.
type Seen = (Vec<Waiting>, Option<(Shard, String)>);

/// Takes deliveries that are due, and ends some of what waits for an endpoint that is gone.
pub(super) async fn claim_due(
    store: &Store,
    terms: &ClaimTerms,
) -> Result<Vec<ClaimedDelivery>, StoreError> {
    let seen = on_some(store, |shard| look(store, shard, terms)).await?;
    let (line, gone): (Vec<_>, Vec<_>) = seen.into_iter().unzip();
    let gone: Vec<(Shard, String)> = gone.into_iter().flatten().collect();
    // Any of them, so that one which cannot be done does not keep the others waiting.
    if let Some((shard, endpoint)) = fastrand::choice(&gone) {
        backlog::cancel(store, shard, endpoint, terms.now).await;
    }
    let mut line: Vec<Waiting> = line.into_iter().flatten().collect();
    line.sort_by(|a, b| a.since.total_cmp(&b.since));
    line.truncate(ENDPOINTS_LOOKED);
    let line = with_accounts(store, line).await?;
    let taken = take(store, line, terms).await?;
    ready(store, taken, terms.now, terms.until).await
}

async fn look(store: &Store, shard: Shard, terms: &ClaimTerms) -> Result<Seen, StoreError> {
    let now = terms.now.millis();
    let room = (terms.room.all as usize).min(REDIS_CLAIM);
    let suspects = (terms.room.suspects as usize).min(room);
    let mut pipe = redis::pipe();
    for (behind, most) in [(0, room), (SUSPECT, suspects)] {
        pipe.cmd("ZRANGEBYSCORE")
            .arg(shard.due())
            .arg(behind)
            .arg(behind + now)
            .arg("WITHSCORES")
            .arg("LIMIT")
            .arg(0)
            .arg(most);
    }
    pipe.cmd("SRANDMEMBER").arg(shard.gone());
    type Line = Vec<(String, f64)>;
    let (well, suspects, gone): (Line, Line, Option<String>) =
        store.link.pipe(Patience::Calm, &pipe).await?;
    let waiting = |line: Line, behind: i64| {
        let is_suspect = behind > 0;
        line.into_iter().map(move |(endpoint, score)| Waiting {
            shard: shard.number,
            endpoint,
            account: String::new(),
            since: score - behind as f64,
            is_suspect,
        })
    };
    let line = waiting(well, 0).chain(waiting(suspects, SUSPECT)).collect();
    Ok((line, gone.map(|endpoint| (shard.clone(), endpoint))))
}

/// Those that are there still, with their accounts.
async fn with_accounts(store: &Store, line: Vec<Waiting>) -> Result<Vec<Waiting>, StoreError> {
    let places: Vec<(u32, &str)> = line
        .iter()
        .map(|w| (w.shard, w.endpoint.as_str()))
        .collect();
    let accounts: Vec<Option<String>> = fetch(store, &places, |shard, id| {
        let mut cmd = redis::cmd("HGET");
        cmd.arg(shard.endpoint(id)).arg("account");
        cmd
    })
    .await?;
    let found = line.into_iter().zip(accounts);
    Ok(found
        .filter_map(|(w, account)| {
            Some(Waiting {
                account: account?,
                ..w
            })
        })
        .collect())
}

/// Claims in rounds: each gives every endpoint its share, and the next one what is left to those that gave all of theirs.
async fn take(
    store: &Store,
    mut line: Vec<Waiting>,
    terms: &ClaimTerms,
) -> Result<Vec<Taken>, StoreError> {
    let mut room = terms.room.clone();
    let mut taken: Vec<Taken> = Vec::new();
    for _ in 0..REDIS_CLAIM_ROUNDS {
        let shares = shares(&line, &room, terms.allowance.most);
        let calls = calls(&line, &shares);
        if calls.is_empty() {
            break;
        }
        let claims = calls
            .iter()
            .map(|(shard, of)| claim(store, *shard, of, terms));
        let claimed: Vec<Taken> = answered(join_all(claims).await)?
            .into_iter()
            .flatten()
            .collect();
        let mut had: BTreeMap<&str, u32> = BTreeMap::new();
        for t in &claimed {
            *had.entry(&t.endpoint).or_default() += 1;
        }
        let mut left = Vec::new();
        for (w, share) in line.into_iter().zip(shares) {
            let had = had.get(w.endpoint.as_str()).copied().unwrap_or(0);
            room.all = room.all.saturating_sub(had);
            if w.is_suspect {
                room.suspects = room.suspects.saturating_sub(had);
            }
            *room.busy.entry(w.account.clone()).or_default() += had;
            // One that gave less than its share has no more; one that gave all that it may at once neither.
            if had == share && share < terms.allowance.most {
                left.push(w);
            }
        }
        line = left;
        taken.extend(claimed);
    }
    taken.sort_by_key(|t| t.due_at);
    Ok(taken)
}

/// How many each may give, if all have as many.
fn shares(line: &[Waiting], room: &Room, most: u32) -> Vec<u32> {
    let candidates: Vec<Candidate<'_>> = line
        .iter()
        .map(|w| Candidate {
            account: &w.account,
            is_suspect: w.is_suspect,
        })
        .collect();
    let most = most.min(REDIS_CLAIM as u32);
    let mut shares = vec![0; line.len()];
    let done: Result<(), Infallible> = Turns::new(&candidates, room).go(|i| {
        let gives = shares[i] < most;
        shares[i] += u32::from(gives);
        Ok(gives)
    });
    match done {
        Ok(()) => shares,
    }
}

/// Endpoints of one call with what each may give.
type Shares<'a> = Vec<(&'a str, u32)>;

/// Calls that claim such shares, none of them more than a script may take.
fn calls<'a>(line: &'a [Waiting], shares: &[u32]) -> Vec<(u32, Shares<'a>)> {
    let mut open: BTreeMap<u32, (Shares<'a>, u32)> = BTreeMap::new();
    let mut full = Vec::new();
    for (w, share) in line.iter().zip(shares).filter(|(_, share)| **share > 0) {
        let (of, sum) = open.entry(w.shard).or_default();
        if *sum + share > REDIS_CLAIM as u32 {
            full.push((w.shard, std::mem::take(of)));
            *sum = 0;
        }
        of.push((&w.endpoint, *share));
        *sum += share;
    }
    full.extend(open.into_iter().map(|(shard, (of, _))| (shard, of)));
    full
}

async fn claim(
    store: &Store,
    shard: u32,
    shares: &Shares<'_>,
    terms: &ClaimTerms,
) -> Result<Vec<Taken>, StoreError> {
    let (shard, token) = (Shard::new(store, shard), ids::request_id());
    let allowance = &terms.allowance;
    let call = Call::new(&CLAIM)
        .key(shard.due())
        .key(shard.claims())
        .key(shard.claim(&token))
        .arg(terms.now.millis())
        .arg(terms.until.millis())
        .arg(&token)
        .arg(REDIS_LATE_CALL.as_millis() as u64)
        .arg(allowance.most)
        .arg(allowance.untried)
        .arg(allowance.spacing.as_millis() as u64)
        .arg(shares.len());
    let call = shares.iter().fold(call, |call, (id, share)| {
        call.key(shard.queue(id))
            .key(shard.health(id))
            .key(shard.claimed(id))
            .arg(*id)
            .arg(*share)
    });
    let claimed: Vec<(String, String, i64)> = store.link.script(Patience::Calm, &call).await?;
    Ok(claimed
        .into_iter()
        .map(|(endpoint, id, due_at)| Taken {
            shard: shard.number,
            endpoint,
            id,
            due_at,
            token: token.clone(),
        })
        .collect())
}
