//! Bounds of replays, dead letters and operational events; never those of one delivery.
