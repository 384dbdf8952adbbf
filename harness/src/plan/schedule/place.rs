//! Places episodes in time, so that what belongs apart stays apart.
//!
//! Rules: faults on one party never overlap, its recovery included; a link that is cut or reset has no other fault;
//! nothing stops what an episode needs; at most two faults that stop something and two that do not, beside an
//! episode's own, are in force at the same time; what stops something leaves two fifths of the time alone.

use std::ops::Range;

use super::episodes::{Episode, Part};
use super::topology::{Tiers, Topology, exclude, is_heavy};
use crate::plan::draw::Draw;
use crate::plan::{FaultSpec, PlannedFault};

/// Starts are tried in steps of this.
const STEP_MS: u64 = 50;
/// Rest of a party or link between two faults.
const REST_MS: u64 = 200;
/// Lanes for what stops something, and as many for what does not.
const LANES: usize = 2;

/// A timetable that fills up.
#[derive(Clone)]
pub(crate) struct Timetable<'a> {
    topology: &'a Topology,
    placed: Vec<Placed>,
    needs: Vec<(Range<u64>, Tiers)>,
    /// Placed, and over before anything that is placed from now on.
    settled: Vec<Placed>,
}

#[derive(Clone, Debug)]
struct Placed {
    at: u64,
    end: u64,
    well: u64,
    fault: FaultSpec,
    stops: Tiers,
}

/// Where in the run an episode may lie.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) from_ms: u64,
    /// Faults are undone by then.
    pub(crate) until_ms: u64,
    /// And all is well again by then.
    pub(crate) well_ms: u64,
    /// Something may be killed, paused or cut for as long as this within the window.
    pub(crate) stopped_ms_max: u64,
}

impl<'a> Timetable<'a> {
    pub(crate) fn new(topology: &'a Topology) -> Self {
        Timetable {
            topology,
            placed: Vec::new(),
            needs: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Nothing will be placed before this time any more.
    pub(crate) fn settle_before(&mut self, at_ms: u64) {
        let over = |placed: &mut Placed| placed.well + REST_MS <= at_ms;
        self.settled.extend(self.placed.extract_if(.., over));
        self.needs.retain(|(range, _)| range.end > at_ms);
    }

    /// Places a fault where the user wants it; an overlap on its party or link is said in the error.
    pub(crate) fn fix(&mut self, at_ms: u64, for_ms: u64, fault: &FaultSpec) -> Result<(), FaultSpec> {
        let part = Part {
            after_ms: 0,
            for_ms,
            fault: fault.clone(),
        };
        let new = self.placed(at_ms, &part);
        let clash = self
            .placed
            .iter()
            .find(|old| exclude(&old.fault, fault) && new.at < old.end && old.at < new.end);
        match clash {
            Some(old) => Err(old.fault.clone()),
            None => {
                self.placed.push(new);
                Ok(())
            }
        }
    }

    /// Places an episode as early as it fits.
    pub(crate) fn early(&mut self, episode: &Episode, window: &Window, draw: &mut Draw) -> bool {
        let Some(at) = self.starts(episode, window).next() else {
            return false;
        };
        let later = at + draw.ms(0..=300) / STEP_MS * STEP_MS;
        let at = if self.fits(episode, &self.parts(episode), later, window) {
            later
        } else {
            at
        };
        self.put(episode, at);
        true
    }

    /// Places an episode anywhere it fits.
    pub(crate) fn anywhere(&mut self, episode: &Episode, window: &Window, draw: &mut Draw) -> bool {
        let starts: Vec<u64> = self.starts(episode, window).collect();
        let Some(at) = draw.pick(&starts) else { return false };
        self.put(episode, *at);
        true
    }

    /// The faults in the order of their beginning, numbered from 1.
    pub(crate) fn into_faults(self) -> Vec<PlannedFault> {
        let mut placed = self.settled;
        placed.extend(self.placed);
        placed.sort_by_key(|p| p.at);
        let planned = |(id, p): (u32, Placed)| PlannedFault {
            id,
            at_ms: p.at,
            for_ms: p.end - p.at,
            fault: p.fault,
        };
        (1..).zip(placed).map(planned).collect()
    }

    /// Every start at which an episode fits.
    fn starts(&self, episode: &Episode, window: &Window) -> impl Iterator<Item = u64> {
        let parts = self.parts(episode);
        let steps = window.until_ms.saturating_sub(window.from_ms) / STEP_MS;
        (0..steps)
            .map(|step| window.from_ms + step * STEP_MS)
            .filter(move |at| self.fits(episode, &parts, *at, window))
    }

    /// An episode's faults as they lie when it starts at 0.
    fn parts(&self, episode: &Episode) -> Vec<Placed> {
        episode.parts.iter().map(|part| self.placed(0, part)).collect()
    }

    fn fits(&self, episode: &Episode, parts: &[Placed], at: u64, window: &Window) -> bool {
        let needs = at..at + episode.needs_until_ms;
        let starved = self
            .placed
            .iter()
            .any(|old| old.stops.meets(episode.needs) && old.at < needs.end && needs.start < old.well);
        !starved && parts.iter().all(|part| self.part_fits(part, at, window)) && self.leaves_enough(parts, at, window)
    }

    fn part_fits(&self, part: &Placed, by: u64, window: &Window) -> bool {
        let (at, end, well) = (part.at + by, part.end + by, part.well + by);
        if end > window.until_ms || well > window.well_ms {
            return false;
        }
        let together = |old: &&Placed| at < old.well + REST_MS && old.at < well + REST_MS;
        let clash = self
            .placed
            .iter()
            .filter(together)
            .any(|old| exclude(&old.fault, &part.fault));
        let in_need =
            |(range, needs): &(Range<u64>, Tiers)| needs.meets(part.stops) && at < range.end && range.start < well;
        let heavy = is_heavy(&part.fault);
        let beside = self
            .placed
            .iter()
            .filter(|old| is_heavy(&old.fault) == heavy && at < old.end && old.at < end)
            .count();
        !clash && beside < LANES && !self.needs.iter().any(in_need)
    }

    /// Whether enough of the window is left alone.
    fn leaves_enough(&self, parts: &[Placed], by: u64, window: &Window) -> bool {
        let new = parts
            .iter()
            .filter(|p| is_heavy(&p.fault))
            .map(|p| p.at + by..p.end + by);
        let mut ranges: Vec<Range<u64>> = new.collect();
        if ranges.is_empty() {
            return true;
        }
        let old = self
            .placed
            .iter()
            .filter(|p| is_heavy(&p.fault) && p.end > window.from_ms);
        ranges.extend(old.map(|p| p.at.max(window.from_ms)..p.end));
        covered(ranges) <= window.stopped_ms_max
    }

    fn placed(&self, at: u64, part: &Part) -> Placed {
        let end = at + part.after_ms + part.for_ms;
        Placed {
            at: at + part.after_ms,
            end,
            well: end + self.topology.recovery_ms(&part.fault),
            stops: self.topology.stops(&part.fault),
            fault: part.fault.clone(),
        }
    }

    fn put(&mut self, episode: &Episode, at: u64) {
        let placed: Vec<Placed> = episode.parts.iter().map(|part| self.placed(at, part)).collect();
        self.placed.extend(placed);
        self.needs.push((at..at + episode.needs_until_ms, episode.needs));
    }
}

/// The length that ranges cover together.
pub(crate) fn covered(mut ranges: Vec<Range<u64>>) -> u64 {
    ranges.sort_by_key(|range| range.start);
    let (mut sum, mut until) = (0, 0);
    for range in ranges {
        let from = range.start.max(until);
        sum += range.end.saturating_sub(from);
        until = until.max(range.end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlaps_are_counted_once() {
        assert_eq!(covered(vec![10..20, 0..5, 15..30, 16..18]), 25);
        assert_eq!(covered(Vec::new()), 0);
    }
}
