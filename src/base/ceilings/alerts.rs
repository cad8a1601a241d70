//! Bounds of usage alerts and of the mail that tells of them; never those of webhooks.
