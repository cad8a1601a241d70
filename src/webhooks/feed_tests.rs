//! Readers over a feed in memory: order, filters, gaps that are told, and numbers that are given anew.

use async_trait::async_trait;
use parking_lot::Mutex;

use super::*;
use crate::base::clock::Timestamp;

/// Events by number, and the last number that was given.
#[derive(Default)]
struct Memory(Mutex<(Vec<Event>, u64)>);

#[async_trait]
impl EventFeed for Memory {
    async fn released_after(
        &self,
        account_id: &str,
        sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let mut found = self.0.lock().0.clone();
        found.retain(|e| e.account_id == account_id && e.sequence > Some(sequence));
        found.sort_by_key(|e| e.sequence);
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn last_sequence(&self, _: &str) -> Result<u64, StoreError> {
        Ok(self.0.lock().1)
    }
}

impl Memory {
    fn put(&self, sequence: u64, id: &str, event_type: &str) {
        let mut all = self.0.lock();
        all.0.push(Event {
            id: id.to_owned(),
            occurred_at: Timestamp::from_millis(0),
            sequence: Some(sequence),
            data: Some("{}".to_owned()),
            ..Event::blank("a", event_type)
        });
        all.1 = all.1.max(sequence);
    }

    /// `count` events with the numbers after `from`, `e1` being the first of all.
    fn fill(&self, from: u64, count: u64) {
        for n in from + 1..=from + count {
            self.put(n, &format!("e{n}"), "contact.created");
        }
    }

    fn forget(&self, is_forgotten: impl Fn(u64) -> bool) {
        let mut all = self.0.lock();
        all.0.retain(|e| !is_forgotten(e.sequence.unwrap()));
    }

    /// Loses the writes after a number, as a failover may.
    fn lose_after(&self, sequence: u64) {
        self.forget(|n| n > sequence);
        self.0.lock().1 = sequence;
    }
}

fn wanted(after: Option<u64>) -> Wanted {
    Wanted {
        account_id: "a".to_owned(),
        after,
        ..Wanted::default()
    }
}

async fn open(memory: &Arc<Memory>, after: Option<u64>) -> Reader {
    Reader::open(memory.clone(), wanted(after)).await.unwrap()
}

/// What there is to read: ids of events, and `from-to` of those that are missing.
async fn rest(reader: &mut Reader) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let step = reader.next().await.unwrap();
        all.extend(step.lines.into_iter().map(|line| match line {
            Line::Event { id, .. } => id,
            Line::Missing { from, to } => format!("{from}-{to}"),
            Line::Position { .. } => panic!("a step holds no position"),
        }));
        if !step.more {
            return all;
        }
    }
}

const NOTHING: [&str; 0] = [];

fn ids(numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    numbers.map(|n| format!("e{n}")).collect()
}

#[tokio::test]
async fn a_reader_gets_every_event_once_and_in_order() {
    let memory = Arc::new(Memory::default());
    memory.fill(0, 40);
    let mut all = open(&memory, Some(0)).await;
    assert_eq!(rest(&mut all).await, ids(1..=40));
    assert_eq!(rest(&mut all).await, NOTHING);
    let mut later = open(&memory, Some(38)).await;
    assert_eq!(rest(&mut later).await, ids(39..=40));
    let mut now = open(&memory, None).await;
    assert_eq!(rest(&mut now).await, NOTHING);
    memory.fill(40, 1);
    for reader in [&mut all, &mut later, &mut now] {
        assert_eq!(rest(reader).await, ids(41..=41));
        let at = Line::Position {
            sequence: 41,
            id: Some("e41".to_owned()),
        };
        assert_eq!(reader.position(), at);
    }
}

#[tokio::test]
async fn a_reader_of_some_types_moves_past_the_others() {
    let memory = Arc::new(Memory::default());
    memory.put(1, "e1", "contact.created");
    memory.put(2, "e2", "deal.won");
    memory.put(3, "e3", "webhook.test");
    let some = Wanted {
        event_types: vec!["contact.*".to_owned()],
        ..wanted(Some(0))
    };
    let mut some = Reader::open(memory.clone(), some).await.unwrap();
    assert_eq!(rest(&mut some).await, ["e1"]);
    assert!(matches!(
        some.position(),
        Line::Position { sequence: 3, .. }
    ));
    assert!(!some.next().await.unwrap().moved);
    memory.put(4, "e4", "deal.won");
    let step = some.next().await.unwrap();
    assert!(step.moved && step.lines.is_empty());
    let mut all = open(&memory, Some(0)).await;
    assert_eq!(
        rest(&mut all).await,
        ["e1", "e2", "e4"],
        "tests are not asked for"
    );
}

#[tokio::test]
async fn numbers_that_are_gone_are_told_except_to_who_takes_what_is_kept() {
    let memory = Arc::new(Memory::default());
    memory.fill(0, 60);
    let mut slow = open(&memory, Some(10)).await;
    memory.forget(|n| n < 20 || (30..=33).contains(&n));
    let told = [
        vec!["11-19".to_owned()],
        ids(20..=29),
        vec!["30-33".to_owned()],
        ids(34..=60),
    ];
    assert_eq!(rest(&mut slow).await, told.concat());
    let mut kept = open(&memory, Some(0)).await;
    assert_eq!(rest(&mut kept).await, [ids(20..=29), ids(34..=60)].concat());
    // Once it has caught up it is one like the others.
    memory.fill(60, 2);
    memory.forget(|n| n == 61);
    assert_eq!(rest(&mut kept).await, ["61-61", "e62"]);
    // An account whose events are all gone is no reason to go back.
    memory.forget(|_| true);
    assert_eq!(rest(&mut kept).await, NOTHING);
    memory.fill(62, 1);
    assert_eq!(rest(&mut kept).await, ["e63"]);
}

#[tokio::test]
async fn where_numbers_were_given_anew_a_reader_goes_back_and_loses_nothing() {
    let memory = Arc::new(Memory::default());
    memory.fill(0, 43);
    let mut reader = open(&memory, Some(40)).await;
    assert_eq!(rest(&mut reader).await, ids(41..=43));
    memory.lose_after(42);
    memory.put(43, "new", "contact.created");
    memory.put(44, "e43", "contact.created");
    let got = rest(&mut reader).await;
    assert_eq!(
        got,
        [ids(1..=42), vec!["new".to_owned(), "e43".to_owned()]].concat()
    );

    // The last numbers are gone and not given anew yet; one who comes back with them is like one who stayed.
    memory.lose_after(41);
    let back = Wanted {
        after_id: Some("e43".to_owned()),
        ..wanted(Some(44))
    };
    let mut back = Reader::open(memory.clone(), back).await.unwrap();
    for reader in [&mut reader, &mut back] {
        assert_eq!(rest(reader).await, ids(1..=41));
        assert_eq!(rest(reader).await, NOTHING);
    }
    memory.put(42, "e42b", "contact.created");
    assert_eq!(rest(&mut back).await, ["e42b"]);

    // A backup from long ago, and an account that was erased.
    memory.fill(42, 5_000);
    assert_eq!(rest(&mut back).await.len(), 5_000);
    memory.lose_after(30);
    assert_eq!(rest(&mut back).await, ids(1..=30));
    memory.lose_after(0);
    assert_eq!(rest(&mut back).await, NOTHING);
    memory.fill(0, 1);
    assert_eq!(rest(&mut back).await, ids(1..=1));
}

#[tokio::test]
async fn a_number_that_was_never_given_is_refused() {
    let memory = Arc::new(Memory::default());
    memory.fill(0, 7);
    let error = Reader::open(memory.clone(), wanted(Some(8))).await;
    assert!(matches!(error, Err(FeedError::Ahead { last: 7 })));
}
