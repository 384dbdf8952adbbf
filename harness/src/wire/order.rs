//! The order in which a sink is told of frames: that in which they were handed to the kernel.
//!
//! Links run on several threads. What a frame brings about may cross a link on one thread before another thread comes to
//! tell of the frame itself; so each write takes its turn before it begins, and what is told in a later turn waits for it.
//! Never: tells of a frame before one that may have brought it about, or keeps anything while no write is under way.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use paytwice_checkers::history::WireEvent;

use super::core::WireSink;

static ORDER: Mutex<Order> = Mutex::new(Order {
    first: 0,
    turns: VecDeque::new(),
});

/// One write, from before it begins until what it has to tell is told. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Turn {
    number: u64,
}

impl Turn {
    /// A write is about to begin.
    pub(super) fn begin() -> Turn {
        Turn {
            number: order().begin(),
        }
    }

    /// Tells of the write and leaves `events` empty. What is told waits where an earlier write is still under way.
    pub(super) fn end(self, sink: &Arc<dyn WireSink>, events: &mut Vec<WireEvent>) {
        order().end(self.number, sink, events);
        std::mem::forget(self);
    }

    /// The same, and returns when it is told: after so little as handing bytes to the kernel takes on another thread.
    pub(super) fn end_told(self, sink: &Arc<dyn WireSink>, events: &mut Vec<WireEvent>) {
        let number = self.number;
        self.end(sink, events);
        while order().is_waiting(number) {
            std::thread::yield_now();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        order().over(self.number, Vec::new());
    }
}

/// Tells of something that is no write.
pub(super) fn tell(sink: &Arc<dyn WireSink>, event: WireEvent) {
    let mut order = order();
    if order.turns.is_empty() {
        return sink.record(event);
    }
    let number = order.begin();
    order.end(number, sink, &mut vec![event]);
}

fn order() -> MutexGuard<'static, Order> {
    ORDER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The turns that are not over, and those behind them.
#[cfg_attr(test, derive(Default))]
struct Order {
    /// The number of the first.
    first: u64,
    /// Each with what it has to tell, once it is over.
    turns: VecDeque<Option<Vec<Told>>>,
}

type Told = (Arc<dyn WireSink>, WireEvent);

impl Order {
    fn begin(&mut self) -> u64 {
        self.turns.push_back(None);
        self.first + self.turns.len() as u64 - 1
    }

    fn end(&mut self, number: u64, sink: &Arc<dyn WireSink>, events: &mut Vec<WireEvent>) {
        let mut told = Vec::new();
        if number == self.first {
            events.drain(..).for_each(|event| sink.record(event));
        } else {
            told.extend(events.drain(..).map(|event| (Arc::clone(sink), event)));
        }
        self.over(number, told);
    }

    /// A turn is over. Where it was the first, those behind it that are over are told.
    fn over(&mut self, number: u64, told: Vec<Told>) {
        self.turns[(number - self.first) as usize] = Some(told);
        while let Some(Some(told)) = self.turns.front_mut().map(Option::take) {
            told.into_iter().for_each(|(sink, event)| sink.record(event));
            self.turns.pop_front();
            self.first += 1;
        }
    }

    fn is_waiting(&self, number: u64) -> bool {
        number >= self.first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Names(Mutex<Vec<String>>);

    impl WireSink for Names {
        fn record(&self, event: WireEvent) {
            self.0.lock().unwrap().push(event.point);
        }
    }

    fn events(points: &[&str]) -> Vec<WireEvent> {
        let event = |point: &&str| WireEvent {
            link: "a->b".to_owned(),
            conn: 1,
            point: (*point).to_owned(),
            tx: Vec::new(),
            bytes: 1,
            did: None,
        };
        points.iter().map(event).collect()
    }

    #[test]
    fn what_is_told_early_waits_for_the_writes_before_it() {
        let names = Arc::new(Names::default());
        let sink: Arc<dyn WireSink> = Arc::<Names>::clone(&names);
        let told = || names.0.lock().unwrap().join(" ");
        let mut order = Order::default();
        let [request, given_up, reply, behind] = std::array::from_fn(|_| order.begin());
        order.end(reply, &sink, &mut events(&["reply"]));
        order.over(given_up, Vec::new());
        assert_eq!((told().as_str(), order.is_waiting(reply)), ("", true));
        order.end(request, &sink, &mut events(&["connect", "request"]));
        assert_eq!(
            (told().as_str(), order.is_waiting(reply)),
            ("connect request reply", false)
        );
        order.end(behind, &sink, &mut events(&["behind"]));
        assert_eq!(told(), "connect request reply behind");
        assert!(order.turns.is_empty(), "nothing is kept while no write is under way");
    }
}
