//! Runs of the simulation over many seeds: the whole range of setups, and those that must serve nearly all there is.

use parking_lot::Mutex;

use super::checks::worst_window;
use super::world::World;
use super::{Faults, Limits, Setup};
use crate::base::clock::Timestamp;
use crate::config::model::{OnStoreFailure, Rate};

/// Seeds of the short form.
const SEEDS: u64 = 500;

/// How many seeds: `FUELGATE_SIMULATION_SEEDS`, or the short form, or twenty times as many in the full one.
fn seeds() -> u64 {
    let text = |name: &str| std::env::var(name).ok();
    match text("FUELGATE_SIMULATION_SEEDS").and_then(|n| n.parse().ok()) {
        Some(n) => n,
        None if text("FUELGATE_TEST_FULL").as_deref() == Some("1") => 20 * SEEDS,
        None => SEEDS,
    }
}

/// The first seed: `FUELGATE_SIMULATION_FIRST`, to repeat one run.
fn first() -> u64 {
    let first = std::env::var("FUELGATE_SIMULATION_FIRST");
    first.ok().and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Runs `run` for each seed on all cores; a failure names its seed.
fn each_seed(count: u64, run: impl Fn(u64) + Sync) {
    let next = std::sync::atomic::AtomicU64::new(first());
    let last = first() + count;
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= last {
                        return;
                    }
                    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(seed)));
                    if let Err(cause) = result {
                        next.store(last, std::sync::atomic::Ordering::Relaxed);
                        let cause = cause
                            .downcast_ref::<String>()
                            .cloned()
                            .unwrap_or_default();
                        panic!("FUELGATE_SIMULATION_FIRST={seed} FUELGATE_SIMULATION_SEEDS=1 fails: {cause}");
                    }
                }
            });
        }
    });
}

fn rate(rng: &mut fastrand::Rng) -> Rate {
    let requests = [1, 7, 50, 200, 1000, 3000][rng.usize(0..6)];
    let per_seconds = [1, 1, 1, 3, 60][rng.usize(0..5)];
    // The bucket fills in 0.1 to 5 seconds, or never within the run.
    let fill_ms = [100, 500, 2_000, 5_000, 100_000][rng.usize(0..5)];
    Rate {
        requests,
        per_seconds,
        burst: (requests * fill_ms / 1000 / per_seconds).max(1),
    }
}

fn limits(rng: &mut fastrand::Rng) -> Limits {
    let key = rate(rng);
    let account = rng.bool().then(|| Rate {
        requests: (key.requests * rng.u64(50..250) / 100).max(1),
        burst: (key.burst * rng.u64(50..250) / 100).max(1),
        ..key
    });
    let mut quota = |chance: u8| (rng.u8(0..4) < chance).then(|| rng.u64(1..5_000));
    Limits {
        key,
        account,
        hour: quota(1),
        month: quota(1),
    }
}

/// Somewhere in time; every third run crosses an hour, some of those a month.
fn begins(rng: &mut fastrand::Rng, length: u64) -> u64 {
    let text = ["2026-11-23T10:00:00Z", "2026-12-01T00:00:00Z"][rng.usize(0..2)];
    let turn = Timestamp::parse(text).unwrap().millis().unsigned_abs();
    if rng.u8(0..3) == 0 {
        turn - rng.u64(1..length)
    } else {
        turn + 600_000
    }
}

/// A run in which anything may happen.
fn any(seed: u64) -> Setup {
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5eed);
    let nodes = [1, 2, 3, 3, 5, 10, 30, 100][rng.usize(0..8)];
    let limits = limits(&mut rng);
    let length = rng.u64(3_000..12_000);
    let per_second = limits.key.requests as f64 / limits.key.per_seconds as f64;
    let demand = (per_second * [0.3, 0.8, 1.2, 3.0, 10.0][rng.usize(0..5)]).clamp(2.0, 1_500.0);
    let faults = faults(&mut rng, nodes, length);
    let hot = if nodes == 1 {
        100
    } else {
        [1, 50, 90, 99][rng.usize(0..4)]
    };
    Setup {
        seed,
        nodes,
        keys: [1, 1, 2, 3][rng.usize(0..4)],
        limits,
        strict: rng.bool(),
        policy: [
            OnStoreFailure::Local,
            OnStoreFailure::Local,
            OnStoreFailure::Local,
            OnStoreFailure::Allow,
            OnStoreFailure::Deny,
        ][rng.usize(0..5)],
        demand: demand as u64,
        hot,
        dearest: if rng.bool() {
            1
        } else {
            limits.key.burst.min(7)
        },
        begins: begins(&mut rng, length),
        length,
        faults,
    }
}

fn faults(rng: &mut fastrand::Rng, nodes: usize, length: u64) -> Faults {
    let mut chance = |most: u64| if rng.bool() { 0 } else { rng.u64(0..most) };
    let mut faults = Faults {
        lost: chance(100),
        lost_replies: chance(100),
        slow: chance(100),
        twice: chance(200),
        undone: chance(200),
        ..Faults::default()
    };
    if rng.u8(0..3) == 0 {
        faults.crashes = (0..rng.u64(1..4)).map(|_| rng.u64(0..length)).collect();
    }
    if rng.u8(0..3) == 0 {
        let begin = rng.u64(0..length);
        let end = (begin + rng.u64(50..6_000)).min(length);
        let cut = if rng.bool() {
            nodes
        } else {
            rng.usize(1..=nodes)
        };
        faults.outages.push((begin, end, cut));
    }
    match rng.u8(0..4) {
        0 => {
            let at = rng.u64(1..length);
            faults
                .failovers
                .push((at, rng.u64(0..1_500), rng.i64(-300..300)));
        }
        1 => {
            let changes = rng.u64(1..3);
            faults.changes = (0..changes)
                .map(|_| (rng.u64(0..length), limits(rng)))
                .collect();
            faults.changes.sort_by_key(|c| c.0);
        }
        _ => {}
    }
    faults
}

#[test]
fn nothing_that_goes_wrong_lets_more_through_than_it_may() {
    each_seed(seeds(), |seed| {
        let mut setup = any(seed);
        // Whether an account has a bucket does not change within a run, nor do quotas.
        for (_, changed) in &mut setup.faults.changes {
            changed.account = setup.limits.account.and(Some(changed.key));
            (changed.hour, changed.month) = (setup.limits.hour, setup.limits.month);
        }
        World::new(setup).run();
    });
}

/// A run with more demand than there is, for long, over a network that mostly works.
fn saturated(seed: u64) -> Setup {
    let mut setup = any(seed);
    let mut rng = fastrand::Rng::with_seed(seed ^ 0xfeed);
    // It fills in a fifth of a second to two seconds and holds a few requests; more of them in strict mode, where
    // what is on its way is missing from it.
    let (requests, fill_ms) = if setup.strict {
        (
            [50, 200, 1_000][rng.usize(0..3)],
            [1_000, 2_000][rng.usize(0..2)],
        )
    } else {
        let fill_ms = [200, 500, 1_000, 2_000][rng.usize(0..4)];
        ([20, 50, 200, 1_000][rng.usize(0..4)], fill_ms)
    };
    setup.limits = Limits {
        key: Rate {
            requests,
            per_seconds: 1,
            burst: (requests * fill_ms / 1000).max(10),
        },
        account: None,
        hour: None,
        month: None,
    };
    setup.keys = 1;
    setup.dearest = 1;
    // What nodes have in hand at the end counts as not served: a minute makes it little beside what was.
    setup.length = 60_000;
    setup.demand = requests * [15, 20, 40][rng.usize(0..3)] / 10;
    setup.faults = Faults {
        lost: rng.u64(0..3),
        slow: rng.u64(0..3),
        twice: rng.u64(0..20),
        ..Faults::default()
    };
    setup
}

#[test]
fn nearly_all_that_may_be_served_is_served_however_the_load_is_spread() {
    let least = Mutex::new(1.0_f64);
    each_seed(seeds().div_ceil(10), |seed| {
        let setup = saturated(seed);
        let mut world = World::new(setup.clone());
        world.run_load();
        let served = world.admitted as f64 / world.ideal[0].served as f64;
        assert!(
            served >= 0.98,
            "{served} of what one bucket would serve: {setup:?}"
        );
        let mut least = least.lock();
        *least = least.min(served);
    });
    tell(&format!("least served {}", least.into_inner()));
}

#[test]
fn in_strict_mode_no_window_of_one_or_ten_seconds_holds_more_than_burst_and_rate() {
    let (strict_worst, shared_worst) = (Mutex::new([i128::MIN; 2]), Mutex::new([i128::MIN; 2]));
    each_seed(seeds().div_ceil(2), |seed| {
        let mut setup = any(seed);
        // Nothing that windows are not bound by: another rate, a lost grant, a request that was given back.
        setup.faults.changes.clear();
        setup.faults.failovers.clear();
        setup.faults.undone = 0;
        setup.length = 12_000;
        let strict = setup.strict;
        let mut world = World::new(setup.clone());
        world.run_load();
        let spec = world.terms[0].key;
        for log in &world.log {
            let over = [1_000, 10_000].map(|width| worst_window(&spec, log, width));
            assert!(
                !strict || over.iter().all(|n| *n <= 0),
                "{over:?}: {setup:?}"
            );
            let mut worst = if strict { &strict_worst } else { &shared_worst }.lock();
            *worst = [worst[0].max(over[0]), worst[1].max(over[1])];
        }
    });
    let (strict, shared) = (strict_worst.into_inner(), shared_worst.into_inner());
    tell(&format!(
        "worst excess in 1 s and 10 s: strict {strict:?}, shared {shared:?}"
    ));
}

/// Figures of a run, for whoever asked for them with `FUELGATE_SIMULATION_FIGURES=1`.
#[expect(clippy::print_stderr, reason = "a test's output is its terminal")]
fn tell(figures: &str) {
    if std::env::var("FUELGATE_SIMULATION_FIGURES").is_ok_and(|v| v == "1") {
        eprintln!("{figures}");
    }
}

#[test]
fn a_hot_key_calls_the_store_for_few_of_its_requests() {
    for (nodes, hot, demand) in [(1, 100, 30_000), (3, 60, 60_000), (3, 90, 150_000)] {
        let mut setup = saturated(7);
        setup.nodes = nodes;
        setup.hot = hot;
        setup.strict = false;
        setup.limits.key = Rate {
            requests: 100_000,
            per_seconds: 1,
            burst: 100_000,
        };
        setup.demand = demand;
        setup.length = 3_000;
        let mut world = World::new(setup);
        world.run();
        let per_node = world.executed as f64 / world.admitted as f64;
        assert!(per_node <= 0.02, "{per_node} calls a request");
    }
}
