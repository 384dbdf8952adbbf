//! Work on more than one core: the same on many independent parts, or one thread that makes what another one takes.
//!
//! Never: lets what comes back depend on who did what, or a panic of another thread pass quietly.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
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
                Err(panic) => resume_unwind(panic),
            }
        }
        results
    });
    results.sort_unstable_by_key(|(part, _)| *part);
    results
}

/// Has `make` send batches from a thread of its own, of which so many may wait, and gives each to `take`. What was taken
/// comes back to `make` to be filled again. An error of `take` ends both, and stands before whatever `make` did behind it:
/// to that one nobody listens any more.
pub(crate) fn pipeline<B: Send, R: Send, E>(
    waiting: usize,
    make: impl FnOnce(SyncSender<B>, Receiver<B>) -> R + Send,
    mut take: impl FnMut(&mut B) -> Result<(), E>,
) -> Result<R, E> {
    let (full, batches) = sync_channel(waiting);
    let (back, empty) = channel();
    thread::scope(|scope| {
        let maker = scope.spawn(move || make(full, empty));
        let taken = batches.into_iter().try_for_each(|mut batch: B| {
            take(&mut batch)?;
            let _ = back.send(batch); // who makes them may have ended
            Ok(())
        });
        // Whoever waits for a batch to come back hears that none will.
        drop(back);
        match (taken, maker.join()) {
            (Err(error), _) => Err(error),
            (Ok(()), Ok(made)) => Ok(made),
            (Ok(()), Err(panic)) => resume_unwind(panic),
        }
    })
}
