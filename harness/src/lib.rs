//! paytwice: starts a real payment stack, breaks it on purpose, and proves that money was credited exactly once.

pub mod plan;
pub mod remoting;
pub mod stack;
pub mod wire;
