//! The same work on many independent parts, on all cores. Never: lets what comes back depend on who did what.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Parts that a thread takes at a time.
const CHUNK: usize = 32;

/// Does `work` on 0 to `parts`, each thread with a scratch space of its own, and collects what it says, by part.
pub(crate) fn each<S: Default, R: Send>(
    parts: usize,
    work: impl Fn(&mut S, usize) -> Option<R> + Sync,
) -> Vec<(usize, R)> {
    let next = AtomicUsize::new(0);
    let run = || {
        let (mut scratch, mut results) = (S::default(), Vec::new());
        loop {
            let from = next.fetch_add(CHUNK, Ordering::Relaxed);
            if from >= parts {
                return results;
            }
            for part in from..parts.min(from + CHUNK) {
                results.extend(work(&mut scratch, part).map(|result| (part, result)));
            }
        }
    };
    if parts <= CHUNK {
        return run();
    }
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(parts.div_ceil(CHUNK));
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut results = run();
        for other in others {
            match other.join() {
                Ok(theirs) => results.extend(theirs),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    });
    results.sort_unstable_by_key(|(part, _)| *part);
    results
}
