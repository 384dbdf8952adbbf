//! The seeded fault schedule: what is broken, when and for how long.
//!
//! A full schedule is not noise: every half minute holds the episodes that catch wrong decisions, in an order drawn
//! from the seed, and a third of everything else that can be broken. Must never draw from anything but the seed.

mod episodes;
mod moments;
mod place;
mod selection;
mod topology;

pub(crate) use episodes::duplicates;
pub(crate) use moments::rules;
use selection::FaultItem;
pub(crate) use selection::Selection;
pub(crate) use topology::Topology;

use episodes::{Episode, Episodes};
use place::{Timetable, Window};

use super::draw::Draw;
use super::duration::show_ms;
use super::error::PlanError;
use super::types::PlannedFault;

/// The stream of draws that schedules are made from.
const STREAM: u64 = 2;
/// How many timetables are tried; the best one is taken.
const ATTEMPTS: u64 = 24;
/// One round of episodes.
const STRETCH_MS: u64 = 30_000;
/// Rest at the end of a run, so that the last fault is over before the last subject is started.
const REST_AT_END_MS: u64 = 2000;
/// What stops something is in force for at most this share of the time.
const STOPPED_PERCENT_MAX: u64 = 60;
/// In a schedule of chosen faults one begins every so often.
const CHOSEN_EVERY_MS: u64 = 2500;

/// The faults of a run of `time_ms`.
pub(crate) fn schedule(
    topology: &Topology,
    selection: &Selection,
    time_ms: u64,
    seed: u64,
) -> Result<Vec<PlannedFault>, PlanError> {
    match selection {
        Selection::None => Ok(Vec::new()),
        Selection::All => Ok(full(topology, time_ms, seed)),
        Selection::Items(items) => chosen(topology, items, time_ms, seed),
    }
}

/// Every stretch of the run with episodes of its own, each as full as several tries make it.
fn full(topology: &Topology, time_ms: u64, seed: u64) -> Vec<PlannedFault> {
    let mut table = Timetable::new(topology);
    for (window, n) in stretches(time_ms).into_iter().zip(0u64..) {
        table.settle_before(window.from_ms);
        let mut best: Option<((usize, usize), Timetable<'_>)> = None;
        for attempt in 0..ATTEMPTS {
            let mut draw = Draw::new(seed, STREAM + (n << 16) + (attempt << 48));
            let episodes = episodes::of_stretch(topology, &mut draw, seed.wrapping_add(n));
            let mut filled = table.clone();
            let score = fill(&mut filled, &episodes, &window, &mut draw);
            if best.as_ref().is_none_or(|(other, _)| score > *other) {
                best = Some((score, filled));
            }
            if score == (episodes.always.len(), episodes.heavy.len() + episodes.light.len()) {
                break;
            }
        }
        table = best.map_or(table, |(_, filled)| filled);
    }
    table.into_faults()
}

/// Places episodes; says how many episodes of every run and how many others it placed.
fn fill(table: &mut Timetable<'_>, episodes: &Episodes, window: &Window, draw: &mut Draw) -> (usize, usize) {
    // What needs the target to itself goes first; what needs nothing fits in between.
    let (needy, modest): (Vec<&Episode>, Vec<&Episode>) = episodes.always.iter().partition(|e| e.needs_until_ms > 0);
    let always = needy.into_iter().filter(|e| table.early(e, window, draw)).count()
        + modest.into_iter().filter(|e| table.anywhere(e, window, draw)).count();
    let others = episodes.heavy.iter().chain(&episodes.light);
    (always, others.filter(|e| table.anywhere(e, window, draw)).count())
}

/// The run in stretches of about half a minute.
fn stretches(time_ms: u64) -> Vec<Window> {
    let n = ((time_ms + STRETCH_MS / 2) / STRETCH_MS).max(1);
    let length = time_ms / n;
    let whole = whole(time_ms);
    let stretch = |i: u64| Window {
        from_ms: whole.from_ms.max(i * length),
        until_ms: whole.until_ms.min((i + 1) * length),
        well_ms: whole.well_ms.min((i + 1) * length + 1000),
        stopped_ms_max: length * STOPPED_PERCENT_MAX / 100,
    };
    (0..n).map(stretch).collect()
}

/// The whole run but a little at its beginning and a rest at its end.
fn whole(time_ms: u64) -> Window {
    let rest = REST_AT_END_MS.min(time_ms / 5);
    Window {
        from_ms: (time_ms / 10).min(700),
        until_ms: time_ms - rest,
        well_ms: time_ms - rest / 2,
        stopped_ms_max: time_ms * STOPPED_PERCENT_MAX / 100,
    }
}

/// A schedule of what the user named: placed where wanted, the rest anywhere.
fn chosen(topology: &Topology, items: &[FaultItem], time_ms: u64, seed: u64) -> Result<Vec<PlannedFault>, PlanError> {
    let mut draw = Draw::new(seed, STREAM);
    let mut table = Timetable::new(topology);
    for item in items {
        let Some((at_ms, for_ms)) = item.at else { continue };
        if at_ms >= time_ms {
            let problem = format!(
                "begins at {}, and the workload ends at {}",
                show_ms(at_ms),
                show_ms(time_ms)
            );
            return Err(PlanError::value("--faults", format!("{:?} {problem}", item.text)));
        }
        for fault in item.faults(topology, &mut draw) {
            let for_ms = for_ms.unwrap_or_else(|| episodes::usual_ms(topology, &fault, &mut draw));
            table.fix(at_ms, for_ms, &fault).map_err(|other| {
                let problem = format!(
                    "{:?} overlaps `{other}`; two faults on one thing need separate times",
                    item.text
                );
                PlanError::value("--faults", problem)
            })?;
        }
    }
    let free: Vec<&FaultItem> = items.iter().filter(|item| item.at.is_none()).collect();
    scatter(topology, &free, time_ms, &mut table, &mut draw)?;
    Ok(table.into_faults())
}

/// Scatters faults over the run, again and again, until a share of the time is used.
fn scatter(
    topology: &Topology,
    items: &[&FaultItem],
    time_ms: u64,
    table: &mut Timetable<'_>,
    draw: &mut Draw,
) -> Result<(), PlanError> {
    let mut window = whole(time_ms);
    let wanted = usize::try_from(time_ms / CHOSEN_EVERY_MS).unwrap_or(usize::MAX);
    let mut begun = 0;
    for pass in 0.. {
        let before = begun;
        for (text, episode) in pool(topology, items, draw) {
            if pass > 0 && begun >= wanted {
                break;
            }
            let fits = table.anywhere(&episode, &window, draw);
            begun += usize::from(fits);
            if pass == 0 && !fits && !Timetable::new(topology).anywhere(&episode, &window, draw) {
                let time = show_ms(time_ms);
                let problem =
                    format!("{text:?} does not fit into {time}; give the run more --time, or place it: {text}@1s+1s");
                return Err(PlanError::value("--faults", problem));
            }
        }
        if begun == before || begun >= wanted {
            break;
        }
        // What was asked for is there; its repetition leaves more time alone.
        window.stopped_ms_max = time_ms * STOPPED_PERCENT_MAX / 200;
    }
    Ok(())
}

/// Each fault that the items stand for, once, in random order.
fn pool<'a>(topology: &Topology, items: &[&'a FaultItem], draw: &mut Draw) -> Vec<(&'a str, Episode)> {
    let mut pool = Vec::new();
    for item in items {
        for fault in item.faults(topology, draw) {
            let for_ms = episodes::usual_ms(topology, &fault, draw);
            pool.push((item.text.as_str(), Episode::single(fault, for_ms)));
        }
    }
    draw.shuffle(&mut pool);
    pool
}
