//! Bounds of streams of released events; never those of a delivery.
