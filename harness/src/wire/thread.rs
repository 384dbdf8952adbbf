//! The thread that every link of this process runs on.
//!
//! A frame crosses a link without another thread being woken for it, and however busy the rest of the harness is, it
//! does not wait for that. After bytes came the thread stays awake for a moment, unless many connections speak at once.
//! Never: runs anything that blocks, or that is not of a link.

use std::cell::RefCell;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Handle};
use tokio::sync::Notify;

/// How long the thread goes on looking at least after the last bytes that came, before it sleeps: a processor that sleeps
/// takes longer to wake, in a virtual machine above all, than a frame takes to cross a link.
const LINGER: Duration = Duration::from_micros(300);
/// How long it goes on looking at most. It looks longer where looking longer would have met what came, a reply that waited
/// for a disk say, as KVM's halt polling does (Linux, Documentation/virt/kvm/halt-polling.rst); only while fewer than [`FEW`]
/// connections spoke within this time.
const LINGER_MAX: Duration = Duration::from_millis(3);
/// Where more connections than this speak within [`TOGETHER`], the thread has enough to do without looking, and whoever
/// else wants its processor gets it.
const FEW: usize = 4;
/// What counts as at the same time.
const TOGETHER: Duration = Duration::from_millis(1);
/// How long the thread does without looking once many have spoken at once.
const CROWDED: Duration = Duration::from_millis(10);

static THREAD: Mutex<Option<Handle>> = Mutex::new(None);
static CAME: Notify = Notify::const_new();

thread_local! {
    static TALK: RefCell<Talk> = const { RefCell::new(Talk::NONE) };
}

/// Where to spawn what belongs to a link; the thread is started at the first call and ends with the process.
pub(super) fn handle() -> io::Result<Handle> {
    let mut thread = THREAD.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*thread {
        return Ok(handle.clone());
    }
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let handle = runtime.handle().clone();
    handle.spawn(linger());
    std::thread::Builder::new()
        .name("paytwice-wire".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    *thread = Some(handle.clone());
    Ok(handle)
}

/// Bytes came on a connection, told from others by this number: more may follow soon.
pub(super) fn bytes_came(connection: usize, now: Instant) {
    let goes_on = TALK.with_borrow_mut(|talk| {
        talk.hear(connection, now);
        talk.goes_on(now)
    });
    if goes_on {
        CAME.notify_one();
    }
}

/// Keeps the thread awake for a moment after bytes came.
async fn linger() {
    loop {
        CAME.notified().await;
        while TALK.with_borrow(|talk| talk.goes_on(Instant::now())) {
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
    speakers: [Option<(usize, Instant)>; FEW],
    /// When bytes last came.
    last: Option<Instant>,
    /// How long it is worth looking after that, while few speak.
    linger: Duration,
    /// When there were last too many speakers at once.
    crowded: Option<Instant>,
}

impl Talk {
    const NONE: Talk = Talk {
        speakers: [None; FEW],
        last: None,
        linger: LINGER,
        crowded: None,
    };

    fn hear(&mut self, connection: usize, now: Instant) {
        let silence = self.last.map(|last| now.saturating_duration_since(last));
        match silence {
            Some(silence) if silence > LINGER_MAX => self.linger = LINGER,
            Some(silence) if silence >= self.linger => self.linger = (silence * 3 / 2).min(LINGER_MAX),
            _ => {}
        }
        self.last = Some(now);
        let known = |slot: &&mut Option<(usize, Instant)>| slot.is_some_and(|(speaker, _)| speaker == connection);
        if let Some(slot) = self.speakers.iter_mut().find(known) {
            *slot = Some((connection, now));
            return;
        }
        if let Some(oldest) = self.speakers.iter_mut().min_by_key(|slot| slot.map(|(_, at)| at)) {
            if oldest.is_some_and(|(_, at)| now.saturating_duration_since(at) < TOGETHER) {
                self.crowded = Some(now);
            }
            *oldest = Some((connection, now));
        }
    }

    /// True while it is worth looking for what comes next.
    fn goes_on(&self, now: Instant) -> bool {
        let within = |at: Option<Instant>, span| at.is_some_and(|at| now.saturating_duration_since(at) < span);
        let lately = self.speakers.iter().flatten();
        let lately = lately.filter(|(_, at)| within(Some(*at), LINGER_MAX)).count();
        let linger = if lately < FEW { self.linger } else { LINGER };
        within(self.last, linger) && !within(self.crowded, CROWDED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_on_while_few_speak_and_not_for_long() {
        let (begun, mut talk) = (Instant::now(), Talk::NONE);
        let at = |us| begun + Duration::from_micros(us);
        assert!(!talk.goes_on(begun), "nobody has spoken");
        for (us, connection) in [(0, 1), (100, 2), (200, 1), (300, 3), (400, 4)] {
            talk.hear(connection, at(us));
        }
        assert!(talk.goes_on(at(699)));
        assert!(!talk.goes_on(at(700)), "they have been silent for long enough");
    }

    #[test]
    fn it_looks_longer_where_that_meets_what_comes() {
        let (begun, mut talk) = (Instant::now(), Talk::NONE);
        let at = |us| begun + Duration::from_micros(us);
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
        (2..=4).for_each(|connection| talk.hear(connection, at(7_511)));
        assert!(!talk.goes_on(at(7_813)), "many speak, and one of them soon");
    }

    #[test]
    fn a_crowd_needs_no_looking_for() {
        let (begun, mut talk) = (Instant::now(), Talk::NONE);
        let at = |us| begun + Duration::from_micros(us);
        (1..=5).for_each(|connection| talk.hear(connection, at(0)));
        assert!(!talk.goes_on(at(1)), "five at once");
        talk.hear(1, at(10_000));
        assert!(talk.goes_on(at(10_001)), "and then one alone");
        (2..=8).for_each(|connection| talk.hear(connection, at(10_000 + 1100 * connection as u64)));
        assert!(talk.goes_on(at(18_801)), "one after the other");
    }
}
