//! An operation of a client, as linearizability sees it: an interval of the history, what was asked, what came back.
//!
//! `call` and `ret` are positions in one total order, usually the indices of the invocation and of the completion.
//! An operation precedes another when it returned before the other was called; all others are concurrent, also two
//! that share a position.

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation<I, O> {
    /// Who asked.
    pub process: u64,
    /// Position of the invocation.
    pub call: u64,
    /// Position of the completion. None when it is not known whether the operation happened (info): it may happen
    /// at any time after the call, or never.
    pub ret: Option<u64>,
    /// What was asked.
    pub input: I,
    /// What came back; None when that is not known.
    pub output: Option<O>,
    /// Index of the invocation in the history, for witnesses.
    pub index: u64,
    /// Index of the completion in the history, for witnesses.
    pub done_index: Option<u64>,
}

impl<I, O> Operation<I, O> {
    /// An operation that was answered with `output`. Its positions serve as indices.
    pub fn ok(process: u64, input: I, call: u64, output: O, ret: u64) -> Self {
        Self {
            process,
            call,
            ret: Some(ret),
            input,
            output: Some(output),
            index: call,
            done_index: Some(ret),
        }
    }

    /// An operation of which nobody knows whether it happened. Its position serves as index.
    pub fn info(process: u64, input: I, call: u64) -> Self {
        Self {
            process,
            call,
            ret: None,
            input,
            output: None,
            index: call,
            done_index: None,
        }
    }
}
