//! Bounds of the simulator and its inboxes; never those of real deliveries.
