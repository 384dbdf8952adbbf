//! The interval in which a sum must lie when it is read while amounts are being added to it.
//!
//! A read that began at `b` and ended at `e` must hold every amount that was acknowledged before `b`, may hold any
//! amount that was asked for before `e`, and must not hold an amount that definitely failed. With negative amounts the
//! lower end takes all that may have been subtracted, the upper end all that may have been added:
//! `[acked⁺(b) + asked⁻(e), asked⁺(e) + acked⁻(b)]`.
//!
//! Whether an open amount failed is known only when it ends. So a read that needs an open amount waits for those that
//! are open when it ends: that is a queue per sum, and an amount that ends touches the reads that ended while it was
//! open. O(1) per event where concurrency is bounded; an amount that never ends keeps the reads that need it to the end.

use std::collections::VecDeque;

/// How an amount ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It was added.
    Ok,
    /// It was not, and never will be.
    Fail,
    /// It may have been, or may yet be.
    Info,
}

/// An amount that was asked for and has not ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    amount: i128,
    /// Number of the first read that ended after it was asked for.
    from: u64,
}

/// What was acknowledged when a read began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Begun {
    plus: i128,
    minus: i128,
}

/// A read with the interval it must lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged<R> {
    pub(crate) read: R,
    pub(crate) value: i128,
    pub(crate) low: i128,
    pub(crate) high: i128,
}

impl<R> Judged<R> {
    pub(crate) fn fits(&self) -> bool {
        self.low <= self.value && self.value <= self.high
    }
}

/// A read whose interval may still shrink.
#[derive(Clone, Debug)]
struct Waiting<R> {
    judged: Judged<R>,
    /// Amounts that were open when it ended and still are; 0 when it is decided.
    open: u32,
}

/// One sum.
#[derive(Clone, Debug)]
pub(crate) struct Bounds<R> {
    acked_plus: i128,
    acked_minus: i128,
    asked_plus: i128,
    asked_minus: i128,
    open_plus: i128,
    open_minus: i128,
    open: u32,
    waiting: VecDeque<Waiting<R>>,
    /// How many reads left the queue.
    left: u64,
}

impl<R> Default for Bounds<R> {
    fn default() -> Self {
        Bounds {
            acked_plus: 0,
            acked_minus: 0,
            asked_plus: 0,
            asked_minus: 0,
            open_plus: 0,
            open_minus: 0,
            open: 0,
            waiting: VecDeque::new(),
            left: 0,
        }
    }
}

impl<R> Bounds<R> {
    /// An amount was asked for.
    #[inline]
    pub(crate) fn ask(&mut self, amount: i128) -> Open {
        self.asked_plus += amount.max(0);
        self.asked_minus += amount.min(0);
        self.open_plus += amount.max(0);
        self.open_minus += amount.min(0);
        self.open += 1;
        Open {
            amount,
            from: self.left + self.waiting.len() as u64,
        }
    }

    /// It ended.
    #[inline]
    pub(crate) fn end(&mut self, open: Open, end: End, settled: impl FnMut(Judged<R>)) {
        let Open { amount, from } = open;
        let (plus, minus) = (amount.max(0), amount.min(0));
        self.open -= 1;
        self.open_plus -= plus;
        self.open_minus -= minus;
        match end {
            End::Ok => {
                self.acked_plus += plus;
                self.acked_minus += minus;
            }
            End::Fail => {
                self.asked_plus -= plus;
                self.asked_minus -= minus;
            }
            End::Info => {}
        }
        if !self.waiting.is_empty() {
            let touched = usize::try_from(from.saturating_sub(self.left)).unwrap_or(usize::MAX);
            for waiting in self.waiting.iter_mut().skip(touched) {
                waiting.open = waiting.open.saturating_sub(1);
                if end == End::Fail {
                    waiting.judged.high -= plus;
                    waiting.judged.low -= minus;
                }
            }
            self.release(settled);
        }
    }

    /// A read begins.
    #[inline]
    pub(crate) fn begin(&self) -> Begun {
        Begun {
            plus: self.acked_plus,
            minus: self.acked_minus,
        }
    }

    /// A read ended. Reads settle in the order in which they ended, so that they wait for those before them.
    #[inline]
    pub(crate) fn read(&mut self, begun: Begun, value: i128, read: R, mut settled: impl FnMut(Judged<R>)) {
        let (judged, decided) = self.judge(begun, value, read);
        if decided && self.waiting.is_empty() {
            settled(judged);
        } else {
            self.waiting.push_back(Waiting {
                judged,
                open: if decided { 0 } else { self.open },
            });
        }
    }

    /// The same where the order does not matter: a read that is decided settles at once.
    #[inline]
    pub(crate) fn read_unordered(&mut self, begun: Begun, value: i128, read: R, mut settled: impl FnMut(Judged<R>)) {
        let (judged, decided) = self.judge(begun, value, read);
        if decided {
            settled(judged);
        } else {
            self.waiting.push_back(Waiting {
                judged,
                open: self.open,
            });
        }
    }

    /// A read with its interval, and whether what is open can change nothing about it.
    #[inline]
    fn judge(&self, begun: Begun, value: i128, read: R) -> (Judged<R>, bool) {
        let judged = Judged {
            read,
            value,
            low: begun.plus + self.asked_minus,
            high: begun.minus + self.asked_plus,
        };
        // Were everything open to fail, the interval would shrink to this.
        let surely_fits = judged.low - self.open_minus <= value && value <= judged.high - self.open_plus;
        let decided = surely_fits || !judged.fits() || self.open == 0;
        (judged, decided)
    }

    /// Nothing more ends: what is open stays unknown.
    pub(crate) fn close(&mut self, mut settled: impl FnMut(Judged<R>)) {
        for waiting in self.waiting.drain(..) {
            settled(waiting.judged);
        }
    }

    fn release(&mut self, mut settled: impl FnMut(Judged<R>)) {
        while self.waiting.front().is_some_and(|waiting| waiting.open == 0) {
            self.left += 1;
            settled(self.waiting.pop_front().expect("there is a first").judged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, End, Judged};

    /// Reads 0, 1, ... that settled, and whether they fit.
    type Settled = Vec<(u32, bool)>;

    fn note(settled: &mut Settled) -> impl FnMut(Judged<u32>) {
        |judged| settled.push((judged.read, judged.fits()))
    }

    #[test]
    fn a_read_that_needs_nothing_open_settles_at_once() {
        let (mut bounds, mut settled) = (Bounds::default(), Settled::new());
        let done = [bounds.ask(5), bounds.ask(-2)];
        for open in done {
            bounds.end(open, End::Ok, note(&mut settled));
        }
        let open = [bounds.ask(7), bounds.ask(-4)];
        let begun = bounds.begin();
        bounds.read(begun, 3, 0, note(&mut settled));
        bounds.read(begun, 11, 1, note(&mut settled));
        bounds.read(begun, -2, 2, note(&mut settled));
        assert_eq!(settled, [(0, true), (1, false), (2, false)]);
        for open in open {
            bounds.end(open, End::Info, note(&mut settled));
        }
        bounds.read(begun, 10, 3, note(&mut settled));
        bounds.read(begun, -1, 4, note(&mut settled));
        assert_eq!(settled[3..], [(3, true), (4, true)]);
    }

    #[test]
    fn a_read_waits_for_what_was_open_and_no_longer() {
        for (end, fits) in [(End::Ok, true), (End::Info, true), (End::Fail, false)] {
            let (mut bounds, mut settled) = (Bounds::default(), Settled::new());
            let (first, second) = (bounds.ask(1), bounds.ask(2));
            let begun = bounds.begin();
            bounds.read(begun, 3, 0, note(&mut settled));
            let later = bounds.ask(4);
            bounds.end(first, End::Ok, note(&mut settled));
            assert_eq!(settled, []);
            bounds.end(second, end, note(&mut settled));
            assert_eq!(settled, [(0, fits)]);
            // What was asked for later does not touch it, and reads after it do not wait for what ended.
            bounds.read(begun, 5, 1, note(&mut settled));
            assert_eq!(settled.len(), 1);
            bounds.end(later, End::Fail, note(&mut settled));
            assert_eq!(settled[1..], [(1, false)]);
        }
    }

    #[test]
    fn reads_settle_in_the_order_in_which_they_ended() {
        let (mut bounds, mut settled) = (Bounds::default(), Settled::new());
        let open = bounds.ask(1);
        let begun = bounds.begin();
        bounds.read(begun, 1, 0, note(&mut settled));
        bounds.read(begun, 0, 1, note(&mut settled));
        assert_eq!(settled, []);
        bounds.end(open, End::Info, note(&mut settled));
        assert_eq!(settled, [(0, true), (1, true)]);
    }

    #[test]
    fn a_decided_read_does_not_wait_where_order_does_not_matter() {
        let (mut bounds, mut settled) = (Bounds::default(), Settled::new());
        bounds.ask(1);
        let begun = bounds.begin();
        bounds.read_unordered(begun, 1, 0, note(&mut settled));
        for read in 1..100 {
            bounds.read_unordered(begun, 0, read, note(&mut settled));
        }
        assert_eq!((settled.len(), bounds.waiting.len()), (99, 1));
        bounds.close(note(&mut settled));
        assert_eq!(settled[99], (0, true));
    }

    #[test]
    fn what_never_ends_is_possible_for_good() {
        let (mut bounds, mut settled) = (Bounds::default(), Settled::new());
        bounds.ask(1);
        let begun = bounds.begin();
        bounds.read(begun, 1, 0, note(&mut settled));
        bounds.close(note(&mut settled));
        assert_eq!(settled, [(0, true)]);
    }
}
