//! The places of attempts under way on a node, in number and in bytes; never which delivery gets one.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::model::ClaimedDelivery;
use super::share::Room;
use crate::base::ceilings::{
    DELIVERIES_CLAIMED, DELIVERIES_IN_FLIGHT, DELIVERY_BYTES_IN_FLIGHT, DELIVERY_OVERHEAD_BYTES,
    EVENT_DATA_BYTES, SUSPECTS_CLAIMED, SUSPECTS_IN_FLIGHT,
};

/// Bytes that an attempt takes whose event is as large as it may be: its data is there as itself and in the body.
const LARGEST: usize = bytes_of(EVENT_DATA_BYTES);

const fn bytes_of(data: usize) -> usize {
    2 * data + DELIVERY_OVERHEAD_BYTES
}

// What is claimed at once always fits, however large its events are.
const _: () = assert!(LARGEST <= DELIVERY_BYTES_IN_FLIGHT);

/// The places.
#[derive(Debug, Default)]
pub struct Places {
    // Attempts end on any thread; held for a few additions.
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    suspects: usize,
    bytes: usize,
    accounts: HashMap<String, u32>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Arc<Places>,
    account: String,
    bytes: usize,
    is_suspect: bool,
}

impl Places {
    /// Takes a place for a delivery, there being room for it: see [`Places::room`].
    pub fn take(self: &Arc<Self>, claimed: &ClaimedDelivery) -> Place {
        let place = Place {
            places: Arc::clone(self),
            account: claimed.event.account_id.clone(),
            bytes: bytes_of(claimed.event.data.as_ref().map_or(0, String::len)),
            is_suspect: claimed.health.is_suspect(),
        };
        let mut taken = self.taken.lock();
        taken.all += 1;
        taken.suspects += usize::from(place.is_suspect);
        taken.bytes += place.bytes;
        *taken.accounts.entry(place.account.clone()).or_default() += 1;
        place
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.lock().all
    }

    /// The room for one claim: whatever comes of it fits.
    pub fn room(&self) -> Room {
        let taken = self.taken.lock();
        let free = DELIVERIES_IN_FLIGHT.saturating_sub(taken.all);
        let fit = DELIVERY_BYTES_IN_FLIGHT.saturating_sub(taken.bytes) / LARGEST;
        let suspects = SUSPECTS_IN_FLIGHT.saturating_sub(taken.suspects);
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Room {
            all: number(free.min(fit).min(DELIVERIES_CLAIMED)),
            suspects: number(suspects.min(SUSPECTS_CLAIMED)),
            busy: taken.accounts.clone(),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all -= 1;
        taken.suspects -= usize::from(self.is_suspect);
        taken.bytes -= self.bytes;
        if let Some(n) = taken.accounts.get_mut(&self.account) {
            *n -= 1;
            if *n == 0 {
                taken.accounts.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::Timestamp;
    use crate::base::ids;
    use crate::webhooks::health::EndpointHealth;
    use crate::webhooks::model::{
        Delivery, DeliveryState, Endpoint, EndpointStatus, Event, EventState,
    };

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn claimed(account: &str, data: usize, failures: u32) -> ClaimedDelivery {
        let event = Event {
            state: EventState::Released,
            data: Some("x".repeat(data)),
            ..Event::blank(account, "x")
        };
        let endpoint = Endpoint {
            id: ids::new(ids::WEBHOOK),
            account_id: account.to_owned(),
            url: "https://receiver.example/".to_owned(),
            event_types: vec!["x".to_owned()],
            description: None,
            status: EndpointStatus::Active,
            disabled_reason: None,
            created_at: NOW,
            secrets: Vec::new(),
            revision: 1,
        };
        ClaimedDelivery {
            delivery: Delivery {
                id: ids::new(ids::DELIVERY),
                event_id: event.id.clone(),
                endpoint_id: endpoint.id.clone(),
                account_id: account.to_owned(),
                event_type: "x".to_owned(),
                state: DeliveryState::Pending,
                attempts: 0,
                next_attempt_at: Some(NOW),
                created_at: NOW,
                finished_at: None,
            },
            claim: "c".to_owned(),
            claimed_until: NOW,
            event,
            endpoint,
            health: EndpointHealth {
                failures,
                ..EndpointHealth::default()
            },
        }
    }

    #[test]
    fn places_are_given_back_when_attempts_end() {
        let places = Arc::new(Places::default());
        let empty = places.room();
        let held: Vec<Place> = [("a", 0), ("a", 1), ("b", 2)]
            .map(|(account, failures)| places.take(&claimed(account, 9, failures)))
            .into();
        let room = places.room();
        let busy = HashMap::from([("a".to_owned(), 2), ("b".to_owned(), 1)]);
        assert_eq!((room.busy, places.taken()), (busy, 3));
        drop(held);
        assert_eq!((places.room(), places.taken()), (empty, 0));
    }

    #[test]
    fn suspects_have_a_lane_of_which_each_claim_gets_a_part() {
        let places = Arc::new(Places::default());
        let mut held = Vec::new();
        while places.room().suspects > 0 {
            assert!(places.room().suspects as usize <= SUSPECTS_CLAIMED);
            held.push(places.take(&claimed("a", 9, 1)));
        }
        assert_eq!(held.len(), SUSPECTS_IN_FLIGHT);
        assert!(places.room().all > 0);
    }

    #[test]
    fn small_events_fill_all_places_and_large_ones_no_more_than_the_bytes() {
        for (data, most) in [(200, DELIVERIES_IN_FLIGHT), (EVENT_DATA_BYTES, 250)] {
            let places = Arc::new(Places::default());
            let mut held = Vec::new();
            loop {
                let room = places.room().all;
                if room == 0 {
                    break;
                }
                held.extend((0..room).map(|_| places.take(&claimed("a", data, 0))));
                let bytes = places.taken.lock().bytes;
                assert!(bytes <= DELIVERY_BYTES_IN_FLIGHT, "{bytes}");
            }
            assert!(
                held.len() <= most && held.len() > most * 9 / 10,
                "{}",
                held.len()
            );
        }
    }
}
