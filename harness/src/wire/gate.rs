//! Gates: what makes a crash exact. Every byte to or from a party passes the party's gate; a gate that is shut stops
//! all of them in one step, on every link, whatever the process still does until it is killed.
//!
//! Links that share gates share a thread: the frame that shuts a gate and every write that the gate lets pass are steps of
//! that thread. So each byte is either before the moment of the crash or never seen by anyone. Never: opens by itself.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::connection::Handle;
use super::core::Way;
use super::link::Shared;
use super::thread::WireThread;

/// The gates of a run, one per party, and the thread of its links.
#[derive(Clone, Default)]
pub struct Gates {
    gates: Arc<Mutex<BTreeMap<String, Arc<Gate>>>>,
    thread: Arc<Mutex<Weak<WireThread>>>,
}

impl Gates {
    /// The gate of a party.
    pub fn of(&self, party: &str) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(party.to_owned()).or_default())
    }

    /// The thread of the run's links. It is started with the first link and ends with the last.
    pub(super) fn thread(&self) -> io::Result<Arc<WireThread>> {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = thread.upgrade() {
            return Ok(running);
        }
        let started = Arc::new(WireThread::start()?);
        *thread = Arc::downgrade(&started);
        Ok(started)
    }
}

/// The gate of one party.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    links: Mutex<Vec<Weak<Shared>>>,
    /// Whether the next frame that the party sends is the first since it was started again.
    first_awaited: AtomicBool,
    first: Mutex<Option<String>>,
}

/// What may pass.
#[derive(Default)]
enum State {
    /// Everything.
    #[default]
    Open,
    /// What stands in front of one frame of one connection, and that frame.
    LastFrame(Arc<Handle>, Way),
    /// Nothing.
    Shut,
    /// The process is gone. Who calls it is refused by its host; what it sent before it died goes nowhere.
    Dead,
}

/// The two gates of a connection.
pub(super) struct Parties {
    /// Of the party that connected.
    pub(super) from: Arc<Gate>,
    /// Of the party that it leads to.
    pub(super) to: Arc<Gate>,
}

impl Parties {
    /// Whether both gates let bytes of a connection pass.
    pub(super) fn let_pass(&self, who: &Arc<Handle>, way: Way) -> bool {
        let is_last =
            |state: &State| matches!(state, State::LastFrame(last, on) if *on == way && Arc::ptr_eq(last, who));
        let from_passes = |state: &State| matches!(state, State::Open) || is_last(state);
        let to_passes = |state: &State| matches!(state, State::Open | State::Dead) || is_last(state);
        // One at a time: both may be the same.
        let from = from_passes(&self.from.state());
        from && to_passes(&self.to.state())
    }

    /// Tells who waits for the first frame of its party.
    pub(super) fn passed(&self, way: Way, name: impl FnOnce() -> String) {
        let sender = match way {
            Way::Request => &self.from,
            Way::Reply => &self.to,
        };
        sender.sent(name);
    }

    fn concern(&self, gate: &Gate) -> bool {
        std::ptr::eq(Arc::as_ptr(&self.from), gate) || std::ptr::eq(Arc::as_ptr(&self.to), gate)
    }
}

impl Gate {
    pub(super) fn register(&self, link: &Arc<Shared>) {
        self.links().push(Arc::downgrade(link));
    }

    /// Lets one more frame of one connection pass, with what stands in front of it, and nothing else.
    pub(super) fn shut_behind(&self, who: &Arc<Handle>, way: Way) {
        let mut state = self.state();
        if let State::Open = *state {
            *state = State::LastFrame(Arc::clone(who), way);
        }
    }

    /// The last frame will never arrive: everything passes again.
    pub(super) fn call_off(&self, who: &Arc<Handle>) {
        let mut state = self.state();
        if matches!(&*state, State::LastFrame(last, _) if Arc::ptr_eq(last, who)) {
            *state = State::Open;
            drop(state);
            self.wake();
        }
    }

    /// The rule that waited for a last frame is lifted: everything passes again.
    pub fn expect_no_last_frame(&self) {
        let mut state = self.state();
        if let State::LastFrame(..) = *state {
            *state = State::Open;
            drop(state);
            self.wake();
        }
    }

    /// Lets nothing pass any more.
    pub(super) fn shut(&self) {
        *self.state() = State::Shut;
    }

    /// The party's process is gone: its connections end, and what was under way on them is lost.
    pub fn dead(&self) {
        *self.state() = State::Dead;
        self.sever();
    }

    /// Before the process starts again: what is left of its former life ends, then everything passes.
    pub fn reborn(&self) {
        let mut state = self.state();
        if let State::Dead = *state {
            self.sever();
        }
        *state = State::Open;
        drop(state);
        *self.first.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.first_awaited.store(true, Ordering::Release);
        self.wake();
    }

    /// Lets everything pass again: nothing happened to the process, or it was only paused.
    pub fn open(&self) {
        *self.state() = State::Open;
        self.wake();
    }

    /// The first named frame that the party sent since it was [`Gate::reborn`].
    pub fn first_after(&self) -> Option<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn sent(&self, name: impl FnOnce() -> String) {
        if self.first_awaited.load(Ordering::Relaxed) && self.first_awaited.swap(false, Ordering::AcqRel) {
            *self.first.lock().unwrap_or_else(PoisonError::into_inner) = Some(name());
        }
    }

    /// Ends every connection of the party.
    fn sever(&self) {
        for link in self.links().iter().filter_map(Weak::upgrade) {
            link.for_each_connection(|connection| {
                if connection.parties.concern(self) {
                    connection.sever();
                }
            });
        }
    }

    fn wake(&self) {
        for link in self.links().iter().filter_map(Weak::upgrade) {
            link.wake();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gate")
    }
}

impl std::fmt::Debug for Gates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Gates")
    }
}
