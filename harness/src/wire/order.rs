//! The order in which sinks are told of frames: a frame before every other that it may have brought about.
//!
//! Links run on several threads. What a frame brings about may cross a link on one thread before another thread comes to
//! tell of the frame itself; so each write takes its turn before it begins, and what is told in a later turn waits for it.
//! What others than links record (the operations of a client) knows no turns: it may come before the frame that it is due
//! to. Never: keeps anything while no write is under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use paytwice_checkers::history::Wire;

use super::core::WireSink;

static ORDER: Mutex<Order> = Mutex::new(Order::NEW);

/// One write, from before it begins until it is told of. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Turn {
    number: u64,
    events: Vec<Wire>,
}

impl Turn {
    /// A write is about to begin.
    pub(super) fn begin() -> Turn {
        Turn {
            number: order().begin(),
            events: Vec::new(),
        }
    }

    /// It has this to tell.
    pub(super) fn add(&mut self, event: Wire) {
        self.events.push(event);
    }

    /// Tells of it, as soon as every write is told of that began before it.
    pub(super) fn end(mut self, sink: &Arc<dyn WireSink>) {
        let events = std::mem::take(&mut self.events);
        order().end(self.number, sink, events);
        std::mem::forget(self);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        order().over(self.number, Vec::new());
    }
}

/// Tells of something that is no write.
pub(super) fn tell(sink: &Arc<dyn WireSink>, event: Wire) {
    let mut order = order();
    let number = order.begin();
    order.end(number, sink, vec![event]);
}

/// Returns when every write is told of that has begun by now on another thread: after as long as it takes a thread to hand
/// bytes to the kernel. Not to be called in a turn, or while something is held that a write may wait for.
pub(super) fn catch_up() {
    let behind = order().end_of_turns();
    while order().is_before(behind) {
        std::thread::yield_now();
    }
}

fn order() -> MutexGuard<'static, Order> {
    ORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turns that are not over, and those behind them.
struct Order {
    /// The number of the first.
    first: u64,
    /// Each with what it has to tell, once it is over.
    turns: VecDeque<Option<Vec<Told>>>,
}

type Told = (Arc<dyn WireSink>, Wire);

impl Order {
    const NEW: Order = Order {
        first: 0,
        turns: VecDeque::new(),
    };

    fn begin(&mut self) -> u64 {
        self.turns.push_back(None);
        self.end_of_turns() - 1
    }

    fn end(&mut self, number: u64, sink: &Arc<dyn WireSink>, events: Vec<Wire>) {
        if number == self.first {
            events.into_iter().for_each(|event| sink.record(event));
            return self.over(number, Vec::new());
        }
        let told = events.into_iter().map(|event| (Arc::clone(sink), event));
        self.over(number, told.collect());
    }

    /// A turn is over. Where it was the first, those behind it that are over are told.
    fn over(&mut self, number: u64, told: Vec<Told>) {
        self.turns[(number - self.first) as usize] = Some(told);
        while let Some(Some(_)) = self.turns.front() {
            let told = self.turns.pop_front().flatten().unwrap_or_default();
            self.first += 1;
            told.into_iter().for_each(|(sink, event)| sink.record(event));
        }
    }

    /// The number of the turn that begins next.
    fn end_of_turns(&self) -> u64 {
        self.first + self.turns.len() as u64
    }

    /// True while a turn with a lower number is not told of.
    fn is_before(&self, number: u64) -> bool {
        self.first < number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Names(Mutex<Vec<String>>);

    impl WireSink for Names {
        fn record(&self, event: Wire) {
            self.0.lock().unwrap().push(event.point);
        }
    }

    fn events(points: &[&str]) -> Vec<Wire> {
        let event = |point: &&str| Wire {
            link: "a->b".to_owned(),
            point: (*point).to_owned(),
            ..Wire::default()
        };
        points.iter().map(event).collect()
    }

    #[test]
    fn what_is_told_early_waits_for_the_writes_before_it() {
        let names = Arc::new(Names::default());
        let sink: Arc<dyn WireSink> = Arc::<Names>::clone(&names);
        let told = || names.0.lock().unwrap().join(" ");
        let mut order = Order::NEW;
        let [request, given_up, reply, behind] = std::array::from_fn(|_| order.begin());
        order.end(reply, &sink, events(&["reply"]));
        order.over(given_up, Vec::new());
        assert_eq!((told().as_str(), order.is_before(behind)), ("", true));
        order.end(request, &sink, events(&["connect", "request"]));
        assert_eq!(
            (told().as_str(), order.is_before(behind)),
            ("connect request reply", false)
        );
        order.end(behind, &sink, events(&["behind"]));
        assert_eq!(told(), "connect request reply behind");
        assert!(order.turns.is_empty(), "nothing is kept while no write is under way");
    }
}
