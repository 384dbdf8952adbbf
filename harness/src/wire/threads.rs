//! The threads that the links of this process run on: one for each processor, up to a few.
//!
//! A connection stays on one of them. A frame crosses a link without another thread being woken for it, and however busy
//! the rest of the harness is, it does not wait for that. After bytes came a thread stays awake for a moment, unless many
//! of its connections speak at once. Never: blocks, but for a moment on another of them, or runs what is not of a link.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::available_parallelism;
use std::time::Instant;

use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

/// More processors than this are left to the services and servers.
const THREADS_MAX: usize = 4;
/// How long a thread goes on looking at least after the last bytes that came, before it sleeps: a processor that sleeps
/// takes longer to wake, in a virtual machine above all, than a frame takes to cross a link.
const LINGER: Nanos = 300_000;
/// How long it goes on looking at most. It looks longer where looking longer would have met what came, a reply that waited
/// for a disk say, as KVM's halt polling does (Linux, Documentation/virt/kvm/halt-polling.rst); only while fewer than [`FEW`]
/// of its connections spoke within this time.
const LINGER_MAX: Nanos = 3_000_000;
/// Where more connections of a thread than this speak within [`TOGETHER`], it has enough to do without looking, and whoever
/// else wants its processor gets it.
const FEW: usize = 2;
/// What counts as at the same time.
const TOGETHER: Nanos = 1_000_000;
/// How long a thread does without looking once many have spoken at once.
const CROWDED: Nanos = 10_000_000;

/// A moment, as nanoseconds since [`BEGUN`], or a time between two: they are compared at every read.
type Nanos = u64;

static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

static THREADS: Mutex<Vec<Handle>> = Mutex::new(Vec::new());
/// Connections that were given to a thread.
static GIVEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static TALK: RefCell<Talk> = const { RefCell::new(Talk::NONE) };
    static CAME: Arc<Notify> = Arc::default();
}

/// Where to spawn what belongs to a link. The threads are started at the first call and end with the process.
pub(super) fn first() -> io::Result<Handle> {
    let wanted = available_parallelism().map_or(1, |n| n.get().min(THREADS_MAX));
    let mut threads = threads();
    while threads.len() < wanted {
        threads.push(start()?);
    }
    Ok(threads[0].clone())
}

/// Where to spawn the next connection: each thread gets as many.
pub(super) fn next() -> Handle {
    let threads = threads();
    threads[GIVEN.fetch_add(1, Ordering::Relaxed) % threads.len()].clone()
}

fn threads() -> MutexGuard<'static, Vec<Handle>> {
    THREADS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start() -> io::Result<Handle> {
    let (started, starting) = mpsc::sync_channel(1);
    std::thread::Builder::new()
        .name("paytwice-wire".to_owned())
        .spawn(move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let _ = started.send(Ok(runtime.handle().clone()));
                runtime.block_on(linger());
            }
            Err(error) => {
                let _ = started.send(Err(error));
            }
        })?;
    starting.recv().map_err(io::Error::other)?
}

/// Bytes came on a connection, told from others by this number: more may follow soon.
pub(super) fn bytes_came(connection: usize, now: Instant) {
    let now = nanos(now);
    let goes_on = TALK.with_borrow_mut(|talk| {
        talk.hear(connection, now);
        talk.goes_on(now)
    });
    if goes_on {
        CAME.with(|came| came.notify_one());
    }
}

fn nanos(moment: Instant) -> Nanos {
    u64::try_from(moment.saturating_duration_since(*BEGUN).as_nanos()).unwrap_or(u64::MAX)
}

/// Keeps the thread awake for a moment after bytes came.
async fn linger() -> ! {
    let came = CAME.with(Arc::clone);
    loop {
        came.notified().await;
        while TALK.with_borrow(|talk| talk.goes_on(nanos(Instant::now()))) {
            // Whoever else waits for this processor goes first.
            std::thread::yield_now();
            // The runtime looks at every socket and timer before it comes back here.
            tokio::task::yield_now().await;
        }
    }
}

/// Who spoke lately.
#[derive(Debug)]
struct Talk {
    /// The connections that spoke last, and when.
    speakers: [Option<(usize, Nanos)>; FEW],
    /// When bytes last came.
    last: Option<Nanos>,
    /// How long it is worth looking after that, while few speak.
    linger: Nanos,
    /// When there were last too many speakers at once.
    crowded: Option<Nanos>,
}

impl Talk {
    const NONE: Talk = Talk {
        speakers: [None; FEW],
        last: None,
        linger: LINGER,
        crowded: None,
    };

    fn hear(&mut self, connection: usize, now: Nanos) {
        let silence = self.last.map(|last| now.saturating_sub(last));
        match silence {
            Some(silence) if silence > LINGER_MAX => self.linger = LINGER,
            Some(silence) if silence >= self.linger => self.linger = (silence * 3 / 2).min(LINGER_MAX),
            _ => {}
        }
        self.last = Some(now);
        let known = |slot: &&mut Option<(usize, Nanos)>| slot.is_some_and(|(speaker, _)| speaker == connection);
        if let Some(slot) = self.speakers.iter_mut().find(known) {
            *slot = Some((connection, now));
            return;
        }
        if let Some(oldest) = self.speakers.iter_mut().min_by_key(|slot| slot.map(|(_, at)| at)) {
            if oldest.is_some_and(|(_, at)| now.saturating_sub(at) < TOGETHER) {
                self.crowded = Some(now);
            }
            *oldest = Some((connection, now));
        }
    }

    /// True while it is worth looking for what comes next.
    fn goes_on(&self, now: Nanos) -> bool {
        let within = |at: Option<Nanos>, span| at.is_some_and(|at| now.saturating_sub(at) < span);
        if within(self.crowded, CROWDED) {
            return false;
        }
        let lately = self.speakers.iter().flatten();
        let lately = lately.filter(|(_, at)| within(Some(*at), LINGER_MAX)).count();
        within(self.last, if lately < FEW { self.linger } else { LINGER })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_on_while_few_speak_and_not_for_long() {
        let mut talk = Talk::NONE;
        let at = |us: u64| us * 1000;
        assert!(!talk.goes_on(at(0)), "nobody has spoken");
        for (us, connection) in [(0, 1), (100, 2), (200, 1), (300, 2), (400, 1)] {
            talk.hear(connection, at(us));
        }
        assert!(talk.goes_on(at(699)));
        assert!(!talk.goes_on(at(700)), "they have been silent for long enough");
    }

    #[test]
    fn it_looks_longer_where_that_meets_what_comes() {
        let mut talk = Talk::NONE;
        let at = |us: u64| us * 1000;
        [0, 1_000].into_iter().for_each(|us| talk.hear(1, at(us)));
        assert!(talk.goes_on(at(2_499)), "300 us were too short");
        assert!(!talk.goes_on(at(2_500)));
        talk.hear(1, at(1_010));
        assert!(
            talk.goes_on(at(2_509)),
            "what comes earlier does not make it look for less time"
        );
        talk.hear(1, at(3_510));
        assert!(
            talk.goes_on(at(6_509)) && !talk.goes_on(at(6_510)),
            "never longer than this"
        );
        talk.hear(1, at(6_511));
        assert!(!talk.goes_on(at(6_811)), "a silence that no looking bridges");
        talk.hear(2, at(7_511));
        assert!(!talk.goes_on(at(7_813)), "more than one speaks, and one of them soon");
    }

    #[test]
    fn a_crowd_needs_no_looking_for() {
        let mut talk = Talk::NONE;
        let at = |us: u64| us * 1000;
        (1..=3).for_each(|connection| talk.hear(connection, at(0)));
        assert!(!talk.goes_on(at(1)), "three at once");
        talk.hear(1, at(10_000));
        assert!(talk.goes_on(at(10_001)), "and then one alone");
        (2..=8).for_each(|connection| talk.hear(connection, at(10_000 + 1100 * connection as u64)));
        assert!(talk.goes_on(at(18_801)), "one after the other");
    }
}
