//! A sink that blocks, fails or moves away never holds up whoever writes a line, and what is lost is counted.

use std::fs::File;
use std::io::Read;

use super::*;
use crate::config::model::LogSink;

fn dropped() -> IntCounter {
    IntCounter::new("dropped_total", "Lost.").unwrap()
}

fn wait_for(what: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !what() {
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_sink_that_nobody_reads_never_slows_and_what_is_lost_is_counted() {
    let (mut reader, writer) = io::pipe().unwrap();
    let sink = Sink::Open(File::from(std::os::fd::OwnedFd::from(writer)));
    let lost = dropped();
    let lines = Lines::start(sink, 1_000, 1_000_000, lost.clone()).unwrap();
    let begun = Instant::now();
    std::thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..10_000).for_each(|_| lines.add(|b| b.extend([b'x'; 200]))));
        }
    });
    let (waiting, bytes) = lines.waiting();
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    assert!(waiting <= 1_000 && bytes <= 1_000_000);
    assert!(lost.get() > 30_000, "{}", lost.get());
    assert!(
        !lines.flush(Duration::from_millis(20)),
        "a blocked sink does not block a stop"
    );
    let read = std::thread::spawn(move || {
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        all
    });
    assert!(lines.flush(Duration::from_secs(20)));
    drop(lines);
    let all = read.join().unwrap();
    let whole = all
        .split(|b| *b == b'\n')
        .filter(|l| l.len() == 200)
        .count();
    assert_eq!(whole as u64 + lost.get(), 40_000);
}

#[test]
fn bytes_have_their_own_ceiling() {
    let (_reader, writer) = io::pipe().unwrap();
    let sink = Sink::Open(File::from(std::os::fd::OwnedFd::from(writer)));
    let lost = dropped();
    let lines = Lines::start(sink, 1_000_000, 500_000, lost.clone()).unwrap();
    (0..2_000).for_each(|_| lines.add(|b| b.extend([b'x'; 1_000])));
    assert!(lost.get() > 1_000 && lines.waiting().1 <= 502_000);
}

#[test]
fn a_file_that_was_moved_away_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let sink = Sink::open(&LogSink::File(path.clone())).unwrap();
    let lines = Lines::start(sink, 10, 1_000, dropped()).unwrap();
    lines.add(|b| b.extend(b"one"));
    assert!(lines.flush(Duration::from_secs(20)));
    let moved = dir.path().join("access.log.1");
    std::fs::rename(&path, &moved).unwrap();
    lines.add(|b| b.extend(b"two"));
    wait_for(|| std::fs::read_to_string(&path).is_ok_and(|t| t == "two\n"));
    assert_eq!(std::fs::read_to_string(&moved).unwrap(), "one\n");
}

#[test]
fn a_sink_that_fails_loses_lines_and_counts_them() {
    let lost = dropped();
    let sink = Sink::open(&LogSink::File("/dev/full".into())).unwrap();
    let lines = Lines::start(sink, 10, 1_000, lost.clone()).unwrap();
    lines.add(|b| b.extend(b"one"));
    assert!(lines.flush(Duration::from_secs(20)));
    assert_eq!(lost.get(), 1);
    assert!(Sink::open(&LogSink::File("/no/such/folder/log".into())).is_err());
}

#[test]
fn what_was_added_before_the_end_is_written() {
    let (mut reader, writer) = io::pipe().unwrap();
    let sink = Sink::Open(File::from(std::os::fd::OwnedFd::from(writer)));
    let lines = Lines::start(sink, 10, 1_000, dropped()).unwrap();
    lines.add(|b| b.extend(b"last"));
    drop(lines);
    let mut all = String::new();
    reader.read_to_string(&mut all).unwrap();
    assert_eq!(all, "last\n");
}
