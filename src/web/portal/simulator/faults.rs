//! The fault profiles in words; never what they send.

use crate::webhooks::simulator::faults::Fault;

/// What a profile is called, and what it tests a receiver for.
pub(super) const fn words(fault: Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Duplicate => (
            "Duplicate",
            "The same webhook-id twice, as after an answer that was lost. Accept both, act on one.",
        ),
        Fault::OutOfOrder => (
            "Out of order",
            "Three events, the last one first. Accept all and go by sequence.",
        ),
        Fault::OldTimestamp => (
            "Old timestamp",
            "Signed well ten minutes ago, as a message that somebody overheard. Refuse it.",
        ),
        Fault::WrongSignature => (
            "Wrong signature",
            "Signed with a secret that is not yours. Refuse it.",
        ),
        Fault::Slow => (
            "Slow",
            "The body comes in small pieces over five seconds. Accept it; other requests must not wait.",
        ),
        Fault::Huge => (
            "Huge",
            "As much data as an event can have, 256 KiB. Accept it.",
        ),
    }
}
