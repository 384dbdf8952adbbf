//! The seeded fault schedule: what is broken, when and for how long.
//!
//! A full schedule is not noise: every half minute holds the episodes that catch wrong decisions, in an order drawn
//! from the seed, and a third of everything else that can be broken. Must never draw from anything but the seed.

mod deck;
mod place;
mod scene;
mod selection;

pub(crate) use deck::{KINDS, duplicates, of_kind};
pub(crate) use scene::Scene;
use selection::FaultItem;
pub(crate) use selection::Selection;

use deck::{Deck, Episode};
use place::{Timetable, Window};

use super::draw::Draw;
use super::duration::show_ms;
use super::error::PlanError;
use super::types::PlannedFault;

/// The stream of draws that schedules are made from.
const STREAM: u64 = 2;
/// How many timetables are tried; the best one is taken.
const ATTEMPTS: u64 = 24;
/// One pass through the deck.
const STRETCH_MS: u64 = 30_000;
/// Rest at the end of a run, so that the last fault is over before the last payment.
const REST_AT_END_MS: u64 = 2000;
/// What stops something is in force for at most this share of the time.
const STOPPED_PERCENT_MAX: u64 = 60;
/// In a schedule of chosen faults one begins every so often.
const CHOSEN_EVERY_MS: u64 = 2500;

/// The faults of a run of `time_ms`.
pub(crate) fn schedule(
    scene: &Scene,
    selection: &Selection,
    time_ms: u64,
    seed: u64,
) -> Result<Vec<PlannedFault>, PlanError> {
    match selection {
        Selection::None => Ok(Vec::new()),
        Selection::All => Ok(full(scene, time_ms, seed)),
        Selection::Items(items) => chosen(scene, items, time_ms, seed),
    }
}

/// The best of several full timetables.
fn full(scene: &Scene, time_ms: u64, seed: u64) -> Vec<PlannedFault> {
    let mut best: Option<((usize, bool, usize), Timetable<'_>)> = None;
    for attempt in 0..ATTEMPTS {
        let mut draw = Draw::new(seed, STREAM + (attempt << 32));
        let (wanted, score, table) = attempt_full(scene, time_ms, seed, &mut draw);
        let done = score.0 == wanted.0 && score.1 && score.2 == wanted.1;
        if best.as_ref().is_none_or(|(other, _)| score > *other) {
            best = Some((score, table));
        }
        if done {
            break;
        }
    }
    best.map_or_else(Vec::new, |(_, table)| table.into_faults())
}

/// One try: how much was wanted, what was placed, and the timetable.
fn attempt_full<'a>(
    scene: &'a Scene,
    time_ms: u64,
    seed: u64,
    draw: &mut Draw,
) -> ((usize, usize), (usize, bool, usize), Timetable<'a>) {
    let mut table = Timetable::new(scene);
    let (mut wanted, mut placed) = ((0, 0), (0, 0));
    for (window, n) in stretches(time_ms).into_iter().zip(0u64..) {
        let Deck { always, heavy, light } = deck::deal(scene, draw, seed.wrapping_add(n));
        wanted.0 += always.len();
        wanted.1 += heavy.len() + light.len();
        placed.0 += always.iter().filter(|e| table.early(e, &window, draw)).count();
        let rest = heavy.iter().chain(&light);
        placed.1 += rest.filter(|e| table.anywhere(e, &window, draw)).count();
    }
    let enough_left = table.stopped_ms(time_ms) * 100 <= time_ms * STOPPED_PERCENT_MAX;
    (wanted, (placed.0, enough_left, placed.1), table)
}

/// The run in stretches of about half a minute.
fn stretches(time_ms: u64) -> Vec<Window> {
    let n = ((time_ms + STRETCH_MS / 2) / STRETCH_MS).max(1);
    let length = time_ms / n;
    let last = end_of_faults(time_ms);
    let window = |i: u64| Window {
        from_ms: i * length + if i == 0 { (time_ms / 10).min(700) } else { 0 },
        until_ms: if i + 1 == n { last.until_ms } else { (i + 1) * length },
        well_ms: if i + 1 == n {
            last.well_ms
        } else {
            (i + 1) * length + 1000
        },
    };
    (0..n).map(window).collect()
}

fn end_of_faults(time_ms: u64) -> Window {
    let rest = REST_AT_END_MS.min(time_ms / 5);
    Window {
        from_ms: (time_ms / 10).min(700),
        until_ms: time_ms - rest,
        well_ms: time_ms - rest / 2,
    }
}

/// A schedule of what the user named: placed where wanted, the rest anywhere.
fn chosen(scene: &Scene, items: &[FaultItem], time_ms: u64, seed: u64) -> Result<Vec<PlannedFault>, PlanError> {
    let mut draw = Draw::new(seed, STREAM);
    let mut table = Timetable::new(scene);
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
        for fault in item.faults(scene, &mut draw) {
            let for_ms = for_ms.unwrap_or_else(|| deck::usual_ms(scene, &fault, &mut draw));
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
    scatter(scene, &free, time_ms, &mut table, &mut draw)?;
    Ok(table.into_faults())
}

/// Scatters faults over the run, again and again, until a share of the time is used.
fn scatter(
    scene: &Scene,
    items: &[&FaultItem],
    time_ms: u64,
    table: &mut Timetable<'_>,
    draw: &mut Draw,
) -> Result<(), PlanError> {
    let window = end_of_faults(time_ms);
    let wanted = usize::try_from(time_ms / CHOSEN_EVERY_MS).unwrap_or(usize::MAX);
    let mut begun = 0;
    let mut first_pass = true;
    while !items.is_empty() && (first_pass || begun < wanted) {
        let mut pool: Vec<(&str, Episode)> = Vec::new();
        for item in items {
            for fault in item.faults(scene, draw) {
                let for_ms = deck::usual_ms(scene, &fault, draw);
                pool.push((&item.text, Episode::single(fault, for_ms)));
            }
        }
        draw.shuffle(&mut pool);
        let mut any = false;
        for (text, episode) in &pool {
            if !first_pass && (begun >= wanted || table.stopped_ms(time_ms) * 100 > time_ms * STOPPED_PERCENT_MAX / 2) {
                return Ok(());
            }
            let fits = table.anywhere(episode, &window, draw);
            let alone = || Timetable::new(scene).anywhere(episode, &window, &mut Draw::new(0, 0));
            if first_pass && !fits && !alone() {
                let problem = format!(
                    "{text:?} does not fit into {}; give the run more --time, or place it: {text}@1s+1s",
                    show_ms(time_ms)
                );
                return Err(PlanError::value("--faults", problem));
            }
            any |= fits;
            begun += usize::from(fits);
        }
        if !any {
            return Ok(());
        }
        first_pass = false;
    }
    Ok(())
}
