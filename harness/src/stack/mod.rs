//! What a target runs on.
