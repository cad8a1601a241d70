//! Bounds of how events get their ids and their shape; never those of their delivery.
