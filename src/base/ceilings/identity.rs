//! Bounds of how events get their ids and their shape; never those of their delivery.

/// Bytes of a published event's `data`, and of what the rules of one exchange make of it together.
pub const EVENT_DATA_BYTES: usize = 262_144;
/// Characters of a CEL expression: a condition, or what makes an event's data.
pub const CONDITION_CHARS: usize = 2_048;
