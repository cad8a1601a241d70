//! Outages of every kind under traffic and at random: the store ends exactly as if there had been none.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::base::clock::HOUR_MS;
use crate::base::page::{MAX_LIMIT, Page, PageRequest};
use crate::store::contract::change;
use crate::store::contract::deliveries::endpoint;
use crate::store::contract::events::event;
use crate::usage::model::{Granularity, RouteUsageRow, UsagePoint};
use crate::usage::port::SeriesQuery;
use crate::webhooks::model::EventState;
use crate::webhooks::port::{DeliveryFilter, EventFilter, EventStore};

async fn all<T, R>(page: impl Fn(PageRequest) -> R) -> Vec<T>
where
    R: Future<Output = Page<T>>,
{
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest {
            after,
            limit: MAX_LIMIT,
        };
        let next = page(request).await;
        found.extend(next.items);
        after = next.next;
        if after.is_none() {
            return found;
        }
    }
}

async fn events_of(store: &EmbeddedStore) -> Vec<Event> {
    let filter = EventFilter::default();
    let filter = &filter;
    all(|page| async move { store.events(filter, &page).await.unwrap() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn traffic_goes_on_through_outages_and_every_event_is_released_once() {
    const TASKS: usize = 16;
    // Longer than a store takes on a machine that does other work, too: or it counts as away, and the backlog never ends.
    const TIME: Duration = Duration::from_millis(500);
    let deadlines = Deadlines {
        record: TIME,
        settle: TIME,
        usage: TIME,
    };
    let rig = Rig::with(1 << 30, deadlines).await;
    let running = rig.run();
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..TASKS)
        .map(|n| {
            let (events, over) = (rig.events.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                let mut made = 0;
                while !over.load(Ordering::Relaxed) {
                    // Two tasks share an account.
                    let e = event(&format!("acct_{}", n / 2), "x");
                    let record = events.record_pending(std::slice::from_ref(&e));
                    record.await.unwrap();
                    events.settle(&[release(&e)], at(1)).await.unwrap();
                    made += 1;
                }
                made
            })
        })
        .collect();
    let flusher = {
        let (usage, over) = (rig.usage.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut sequence = 0;
            while !over.load(Ordering::Relaxed) {
                sequence += 1;
                usage.apply(&batch("boot", sequence, "a", 1)).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            sequence
        })
    };
    for mode in [Mode::Down, Mode::LoseReply, Mode::Hang, Mode::HangAfter] {
        rig.flaky.set(mode);
        eventually("a backlog", || rig.spool.pending().events > 100).await;
        rig.flaky.set(Mode::Up);
        // Under traffic the spool becomes empty, and writes go straight again.
        eventually("an end of the backlog", || {
            rig.events.lane.front().is_free_now()
        })
        .await;
    }
    over.store(true, Ordering::Relaxed);
    let mut made = 0;
    for task in tasks {
        made += task.await.unwrap();
    }
    let batches = flusher.await.unwrap();
    running.end().await;
    rig.drain().await;
    let stored = events_of(&rig.store).await;
    assert_eq!(stored.len(), made);
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for e in stored {
        assert_eq!(e.state, EventState::Released);
        let of = numbers.entry(e.account_id).or_default();
        of.push(e.sequence.unwrap());
    }
    for (account, mut numbers) in numbers {
        numbers.sort_unstable();
        let expected: Vec<_> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, expected, "{account}");
    }
    assert_eq!(rig.used("a").await, batches);
}

/// What a node does, with small numbers for what it is about.
#[derive(Debug, Clone)]
enum Op {
    Record {
        account: u8,
        events: u8,
    },
    /// Settles some of what is recorded, oldest first: released, dropped or unresolved by turns.
    Settle {
        events: u8,
        how: u8,
    },
    Usage {
        account: u8,
        requests: u8,
    },
    Outage(Mode),
    /// The one who drains has so many turns.
    Drain(u8),
    Resend,
    Restart,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let mode = prop_oneof![
        3 => Just(Mode::Up),
        2 => Just(Mode::Down),
        2 => Just(Mode::LoseReply),
        1 => Just(Mode::Hang),
        1 => Just(Mode::HangAfter),
    ];
    let op = prop_oneof![
        6 => (0..3_u8, 1..4_u8).prop_map(|(account, events)| Op::Record { account, events }),
        6 => (1..5_u8, 0..6_u8).prop_map(|(events, how)| Op::Settle { events, how }),
        4 => (0..3_u8, 1..9_u8).prop_map(|(account, requests)| Op::Usage { account, requests }),
        5 => mode.prop_map(Op::Outage),
        4 => (1..4_u8).prop_map(Op::Drain),
        1 => Just(Op::Resend),
        1 => Just(Op::Restart),
    ];
    proptest::collection::vec(op, 10..60)
}

/// Everything that the world may see of a store.
#[derive(Debug, PartialEq)]
struct Seen {
    events: BTreeMap<String, Event>,
    deliveries: Vec<(String, String, i64)>,
    usage: Vec<UsagePoint>,
    used: Vec<(u64, u64)>,
}

async fn look(store: &EmbeddedStore) -> Seen {
    let filter = DeliveryFilter::default();
    let filter = &filter;
    let deliveries = all(|page| async move { store.deliveries(filter, &page).await.unwrap() });
    let mut deliveries: Vec<_> = deliveries
        .await
        .into_iter()
        .map(|(d, _)| (d.event_id, d.endpoint_id, d.created_at.millis()))
        .collect();
    deliveries.sort();
    let (hour, month) = (at(0).hour_start(), at(0).month_start());
    let mut used = Vec::new();
    for account in 0..3 {
        let of = store.used(&format!("acct_{account}"), hour, month).await;
        used.push(of.unwrap());
    }
    let query = SeriesQuery {
        account_id: None,
        key_id: None,
        from: hour,
        to: hour.plus(Duration::from_millis(HOUR_MS as u64)),
        granularity: Granularity::Hour,
    };
    Seen {
        events: events_of(store)
            .await
            .into_iter()
            .map(|e| (e.id.clone(), e))
            .collect(),
        deliveries,
        usage: store.series(&query).await.unwrap(),
        used,
    }
}

/// A node, the store behind its spool, and a store that never fails and gets the same.
struct World {
    rig: Rig,
    ideal: Arc<EmbeddedStore>,
    pending: Vec<Event>,
    clock: i64,
    boot: u32,
    sequence: u64,
}

impl World {
    async fn new() -> Self {
        let rig = Rig::new().await;
        let ideal = store(&rig.dir.path().join("ideal.db"));
        for account in 0..3 {
            let account = format!("acct_{account}");
            let wants = endpoint(&account, &["x"]);
            for s in [&rig.store, &ideal] {
                let why = change("endpoint.create", &account);
                s.create_endpoint(&wants, 9, &why).await.unwrap();
            }
        }
        Self {
            rig,
            ideal,
            pending: Vec::new(),
            clock: 0,
            boot: 0,
            sequence: 0,
        }
    }

    async fn step(&mut self, op: &Op) {
        self.clock += 1;
        match *op {
            Op::Record { account, events } => {
                let account = format!("acct_{account}");
                let new: Vec<_> = (0..events).map(|_| event(&account, "x")).collect();
                self.rig.events.record_pending(&new).await.unwrap();
                self.ideal.record_pending(&new).await.unwrap();
                self.pending.extend(new);
            }
            Op::Settle { events, how } => {
                let count = self.pending.len().min(usize::from(events));
                let settlements: Vec<_> = self
                    .pending
                    .drain(..count)
                    .zip(how..)
                    .map(|(e, how)| match how % 3 {
                        0 => release(&e),
                        1 => drop_it(&e),
                        _ => Settlement::Unresolved {
                            event_id: e.id,
                            account_id: e.account_id,
                        },
                    })
                    .collect();
                let now = at(self.clock);
                self.rig.events.settle(&settlements, now).await.unwrap();
                self.ideal.settle(&settlements, now).await.unwrap();
            }
            Op::Usage { account, requests } => {
                self.sequence += 1;
                let (boot, account) = (format!("boot_{}", self.boot), format!("acct_{account}"));
                let mut batch = batch(&boot, self.sequence, &account, requests.into());
                batch.routes.push(RouteUsageRow {
                    account_id: account,
                    key_id: "k".to_owned(),
                    route: "/v1/x".to_owned(),
                    method: "GET".to_owned(),
                    hour: at(0).hour_start(),
                    requests: requests.into(),
                    errors: 0,
                    last_at: at(self.clock),
                });
                self.rig.usage.apply(&batch).await.unwrap();
                self.ideal.apply(&batch).await.unwrap();
            }
            Op::Outage(mode) => self.rig.flaky.set(mode),
            Op::Drain(turns) => {
                for _ in 0..turns {
                    // Cut off in the middle where the store hangs.
                    let both = async {
                        tokio::join!(self.rig.events.lane.step(), self.rig.usage.lane.step());
                    };
                    let _ = tokio::time::timeout(SHORT, both).await;
                }
            }
            Op::Resend => self.rig.spool.resend(),
            Op::Restart => self.restart().await,
        }
    }

    /// The process dies and another comes; what was to be sent again dies with it.
    async fn restart(&mut self) {
        let rig = &mut self.rig;
        rig.spool.close();
        rig.spool = open(rig.dir.path(), 1 << 30, HASTY, &rig.flaky)
            .await
            .unwrap();
        (rig.events, rig.usage) = (rig.spool.events(), rig.spool.usage());
        self.boot += 1;
        self.sequence = 0;
    }
}

#[test]
fn after_outages_of_every_kind_the_store_is_as_if_there_had_been_none() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        max_shrink_iters: 60,
        ..Config::default()
    });
    let done = runner.run(&ops(), |ops| {
        let (stored, ideal) = runtime.block_on(async {
            let mut world = World::new().await;
            for op in &ops {
                world.step(op).await;
            }
            world.rig.flaky.set(Mode::Up);
            let running = world.rig.run();
            eventually("the end of the outage", || {
                let rig = &world.rig;
                rig.events.lane.front().is_free_now() && rig.usage.lane.front().is_free_now()
            })
            .await;
            running.end().await;
            world.rig.drain().await;
            (look(&world.rig.store).await, look(&world.ideal).await)
        });
        prop_assert_eq!(stored, ideal);
        Ok(())
    });
    done.unwrap();
}
