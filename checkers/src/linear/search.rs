//! The search for an order: Wing and Gong (1993), with Lowe's memoization (2017), on the layout of [`Plan`].
//!
//! Depth first over configurations. What keeps them few, beside never visiting one twice:
//! - A read that can take place now takes place now: it stands in nobody's way, and waiting brings it nothing.
//! - Of operations with the same input and output, the one that has to return first goes first: exchanging two of
//!   them in an order gives an order.
//! - Info operations of one input are interchangeable likewise, those that must happen go before those that may,
//!   and using up fewer of them is never worse ([`super::visited`]). One that leads nowhere, or where nothing can follow
//!   that could not follow without it, did not happen.
//!
//! Info operations never leave: each that is called doubles what may have happened. [`Search::relaxed`] forgets which
//! were used up, of those of which a second one would change nothing (a write, a compare-and-set), and so refutes most
//! histories that have no order without telling those apart. What adds up (an append, an enqueue) is used up there, too:
//! otherwise there would be no end of states.
//!
//! Exponential in the number of operations that overlap, at worst; linear in the length of the history.

use super::budget::Meter;
use super::interner::NONE;
use super::machine::{Class, Machine};
use super::model::Model;
use super::plan::{Infos, Plan};
use super::tally::{EMPTY, Tallies};
use super::visited::Visited;

/// How many states are kept to say what the object could have held.
const STATES_KEPT_MAX: usize = 8;

/// How a search ended.
#[derive(Debug)]
pub(crate) enum Found {
    /// An order: the operations by their number, info operations that were used included.
    Order(Vec<u32>),
    /// There is none: the search got as far as `stuck`.
    Nothing(Stuck),
    /// It gave up, and why.
    GaveUp(String),
}

/// The furthest that a failed search got.
#[derive(Clone, Debug)]
pub(crate) struct Stuck {
    /// Rank (by return) of the first operation that could not be given a place.
    pub(crate) rank: u32,
    /// States in which it, and everything else that overlapped, was tried.
    pub(crate) states: Vec<u32>,
    /// Configurations visited.
    pub(crate) visited: u64,
    /// Some info operation was placed and not used up.
    pub(crate) repeated: bool,
}

/// An operation that was given a place, and what to restore when it loses it.
#[derive(Clone, Copy, Debug)]
enum Placed {
    /// A definite operation, and which was the first without a place before.
    Definite { rank: u32, base: u32 },
    /// An info operation of this class (position in `Plan::infos`), and the tally before.
    Info { class: u32, tally: u32 },
}

/// A choice made: where the trail stood, in which state, and which candidate comes next.
#[derive(Clone, Copy, Debug)]
struct Choice {
    trail: usize,
    state: u32,
    next: u32,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    /// Rank, or `plan.len()` plus the position in `Plan::infos`.
    who: u32,
    target: u32,
    class: Class,
    /// The smaller, the earlier it is tried.
    order: u32,
}

/// Info operations are tried after definite ones, ...
const ORDER_INFO: u32 = 1 << 30;
/// ... and both after those that let the first operation without a place have one.
const ORDER_OTHERS: u32 = 1 << 31;

pub(crate) struct Search<'s, 'm, 'b, M: Model> {
    plan: &'s mut Plan,
    machine: &'s mut Machine<'m, M>,
    meter: &'s mut Meter<'b>,
    visited: Visited,
    tallies: Tallies,
    /// First operation without a place.
    base: u32,
    state: u32,
    mask: Vec<u64>,
    tally: u32,
    used: Vec<u32>,
    trail: Vec<Placed>,
    choices: Vec<Choice>,
    candidates: Vec<Candidate>,
    stuck: Stuck,
    /// Info operations of which a second one would change nothing are not used up.
    relaxed: bool,
}

impl<'s, 'm, 'b, M: Model> Search<'s, 'm, 'b, M> {
    pub(crate) fn new(plan: &'s mut Plan, machine: &'s mut Machine<'m, M>, meter: &'s mut Meter<'b>) -> Self {
        Self {
            visited: Visited::new(plan.mask_words, !plan.infos.is_empty()),
            tallies: Tallies::default(),
            base: 0,
            state: NONE,
            mask: vec![0; plan.mask_words],
            tally: EMPTY,
            used: vec![0; plan.infos.len()],
            trail: Vec::new(),
            choices: Vec::new(),
            candidates: Vec::new(),
            stuck: Stuck {
                rank: 0,
                states: Vec::new(),
                visited: 0,
                repeated: false,
            },
            relaxed: false,
            plan,
            machine,
            meter,
        }
    }

    /// Lets an info operation happen as often as it likes where it changes nothing the second time in a row.
    /// Configurations are few then: where even so there is no order, there is none. An order that is found proves
    /// nothing if it repeats one.
    pub(crate) fn relaxed(mut self) -> Self {
        self.relaxed = true;
        self
    }

    /// Looks for an order that begins in one of `roots`.
    pub(crate) fn run(mut self, roots: &[u32]) -> Found {
        for root in roots {
            self.state = *root;
            match self.explore() {
                Ok(true) if self.repeats() => return Found::GaveUp("info operations were repeated".to_owned()),
                Ok(true) => return Found::Order(self.order()),
                Ok(false) => {}
                Err(why) => return Found::GaveUp(why),
            }
        }
        self.stuck.visited = self.visited.len();
        Found::Nothing(self.stuck)
    }

    fn explore(&mut self) -> Result<bool, String> {
        self.enter();
        loop {
            if self.base == self.plan.len() {
                return Ok(true);
            }
            let (visited, tallies, machine) = (&self.visited, &self.tallies, &*self.machine);
            if let Some(why) = self.meter.exhausted(machine.state_bytes(), || {
                visited.bytes() + tallies.bytes() + machine.bytes()
            }) {
                return Err(why);
            }
            if self.choose() {
                self.enter();
            } else if !self.back() {
                return Ok(false);
            }
        }
    }

    /// Comes into a configuration: places the reads that fit, and opens a choice if it was not visited before.
    fn enter(&mut self) {
        let trail = self.trail.len();
        let state = self.state;
        self.place_reads();
        let fresh = self.base == self.plan.len() || {
            self.note_progress();
            self.visited
                .visit(self.base, state, &self.mask, self.tally, &self.tallies)
        };
        let next = if fresh { 0 } else { u32::MAX };
        self.choices.push(Choice { trail, state, next });
    }

    /// Leaves the innermost configuration; false if it was the root.
    fn back(&mut self) -> bool {
        let Some(choice) = self.choices.pop() else {
            return false;
        };
        self.undo_to(choice.trail);
        let Some(outer) = self.choices.last().copied() else {
            return false;
        };
        self.undo_last();
        self.state = outer.state;
        true
    }

    /// Takes the next candidate of the innermost configuration; false if there is none.
    fn choose(&mut self) -> bool {
        let Some(choice) = self.choices.last_mut() else {
            return false;
        };
        if choice.next == u32::MAX {
            return false;
        }
        let nth = choice.next as usize;
        choice.next += 1;
        let Some(candidate) = self.candidate(nth) else {
            return false;
        };
        match candidate.who.checked_sub(self.plan.len()) {
            None => self.place(candidate.who),
            Some(class) => {
                self.trail.push(Placed::Info {
                    class,
                    tally: self.tally,
                });
                if self.relaxed && self.is_idempotent(&candidate) {
                    self.stuck.repeated = true;
                } else {
                    self.used[class as usize] += 1;
                    self.tally = self.tallies.add(self.tally, class);
                }
            }
        }
        self.state = candidate.target;
        true
    }

    /// Whether a second operation of the kind, right after this one, would change nothing.
    fn is_idempotent(&mut self, candidate: &Candidate) -> bool {
        self.meter.step();
        let again = self.machine.step(candidate.target, candidate.class);
        again == NONE || again == candidate.target
    }

    /// Whether the order at hand has info operations that were not used up.
    fn repeats(&self) -> bool {
        let infos = self.trail.iter().filter(|placed| matches!(placed, Placed::Info { .. }));
        infos.count() != self.used.iter().map(|used| *used as usize).sum::<usize>()
    }

    /// The nth candidate. The operation that has to return first is the first one, whenever it can take place:
    /// most configurations of a history that has an order need no other, and none has to be gathered.
    fn candidate(&mut self, nth: usize) -> Option<Candidate> {
        if nth == 0 {
            self.meter.step();
            let class = self.plan.items[self.base as usize].class;
            let target = self.machine.step(self.state, class);
            if target != NONE {
                return Some(Candidate {
                    who: self.base,
                    target,
                    class,
                    order: 0,
                });
            }
        }
        self.gather();
        self.candidates.get(nth).copied()
    }

    /// Everything that can take place next, the most promising first.
    fn gather(&mut self) {
        self.candidates.clear();
        self.gather_definite();
        self.gather_infos();
        let base_class = self.plan.items[self.base as usize].class;
        for candidate in &mut self.candidates {
            let enables = candidate.order == 0 || self.machine.step(candidate.target, base_class) != NONE;
            if !enables {
                candidate.order |= ORDER_OTHERS;
            }
        }
        self.candidates.sort_unstable_by_key(|c| (c.order, c.who));
    }

    /// Of each class, the definite operation that returns first.
    fn gather_definite(&mut self) {
        let limit = self.plan.items[self.base as usize].ret;
        let mut at = self.plan.len();
        while let Some(rank) = self.plan.after(at, limit) {
            at = rank;
            self.add(rank, self.plan.items[rank as usize].class, rank - self.base);
        }
        self.candidates.sort_unstable_by_key(|c| (c.class, c.who));
        self.candidates.dedup_by_key(|c| c.class);
    }

    /// Of each class, the info operation that was called first; none where a definite one does for it.
    fn gather_infos(&mut self) {
        let limit = self.plan.items[self.base as usize].ret;
        let definite = self.candidates.len();
        for info in 0..self.plan.infos.len() {
            let Infos { class, calls } = &self.plan.infos[info];
            let (class, used) = (*class, self.used[info] as usize);
            if calls.get(used).is_none_or(|(call, _)| *call > limit) {
                continue;
            }
            self.add(self.plan.len() + info as u32, class, ORDER_INFO);
            if self.candidates.len() > definite
                && let Some((last, before)) = self.candidates.split_last()
                && last.who == self.plan.len() + info as u32
                && before[..definite]
                    .iter()
                    .any(|d| d.target == last.target && self.machine.does_for(d.class, class))
            {
                self.candidates.pop();
            }
        }
    }

    /// Adds a candidate if it can take place. Reads cannot, or they had a place by now.
    fn add(&mut self, who: u32, class: Class, order: u32) {
        if self.machine.is_read(class) {
            return;
        }
        self.meter.step();
        let target = self.machine.step(self.state, class);
        let idle = order == ORDER_INFO && target != NONE && (target == self.state || self.machine.is_lost(target));
        if target != NONE && !idle {
            self.candidates.push(Candidate {
                who,
                target,
                class,
                order,
            });
        }
    }

    fn place_reads(&mut self) {
        let mut at = self.plan.len();
        while self.base < self.plan.len() {
            let limit = self.plan.items[self.base as usize].ret;
            let Some(rank) = self.plan.after(at, limit) else {
                return;
            };
            let class = self.plan.items[rank as usize].class;
            if self.machine.is_read(class) && self.fits(class) {
                self.place(rank);
            } else {
                at = rank;
            }
        }
    }

    fn fits(&mut self, class: Class) -> bool {
        self.meter.step();
        self.machine.step(self.state, class) != NONE
    }

    fn place(&mut self, rank: u32) {
        self.trail.push(Placed::Definite { rank, base: self.base });
        self.plan.lift(rank);
        if rank != self.base {
            let (word, bit) = self.plan.bit(rank);
            self.mask[word] |= bit;
            return;
        }
        self.base += 1;
        while self.base < self.plan.len() {
            let (word, bit) = self.plan.bit(self.base);
            if self.mask[word] & bit == 0 {
                return;
            }
            self.mask[word] &= !bit;
            self.base += 1;
        }
    }

    fn undo_to(&mut self, len: usize) {
        while self.trail.len() > len {
            self.undo_last();
        }
    }

    fn undo_last(&mut self) {
        match self.trail.pop() {
            None => {}
            Some(Placed::Info { class, tally }) => {
                self.used[class as usize] -= u32::from(self.tally != tally);
                self.tally = tally;
            }
            Some(Placed::Definite { rank, base }) => {
                self.plan.unlift(rank);
                if rank == base {
                    for passed in base + 1..self.base {
                        let (word, bit) = self.plan.bit(passed);
                        self.mask[word] |= bit;
                    }
                    self.base = base;
                } else {
                    let (word, bit) = self.plan.bit(rank);
                    self.mask[word] &= !bit;
                }
            }
        }
    }

    fn note_progress(&mut self) {
        if self.base > self.stuck.rank {
            self.stuck.rank = self.base;
            self.stuck.states.clear();
        }
        let states = &mut self.stuck.states;
        if self.base == self.stuck.rank && states.len() < STATES_KEPT_MAX && !states.contains(&self.state) {
            states.push(self.state);
        }
    }

    fn order(&self) -> Vec<u32> {
        let mut used = vec![0; self.plan.infos.len()];
        let place = |placed: &Placed| match *placed {
            Placed::Definite { rank, .. } => self.plan.items[rank as usize].op,
            Placed::Info { class, .. } => {
                let class = class as usize;
                used[class] += 1;
                self.plan.infos[class].calls[used[class] - 1].1
            }
        };
        self.trail.iter().map(place).collect()
    }
}
