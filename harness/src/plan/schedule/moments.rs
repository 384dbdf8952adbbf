//! The exact moments of a full schedule: a few rules at the frames that decide, beside the faults by the clock, which hit such
//! a frame by luck alone. Where a transaction commits, where a message is delivered, where a statement may be refused.
//!
//! One rule of each kind, at one frame each, all drawn from the seed. Must never draw a rule that the target's points do not
//! bear, or one that stops more than one process for longer than it takes to start again.

use paytwice_checkers::history::Role;

use crate::plan::draw::Draw;
use crate::plan::points::points_of;
use crate::plan::{CLIENT, LinkDef, Moment, PointAction, PointRule, PointSelection, Target};
use crate::plan::{Redelivery, Refusal};
use crate::wire::PointDef;

/// The stream of draws that rules are made from.
const STREAM: u64 = 9;
/// How long a crashed process stays down.
const RESTART_MS: u64 = 500;
/// How long a commit is held: beyond the time after which a broker asks back, and beyond most time-outs.
const HOLD_MS: u64 = 6000;
/// A refused statement is one of the first: who cannot begin shows it at once.
const REFUSED_MAX: u64 = 20;
/// The frames that rules are drawn from are those of the first subjects: one in so many.
const SHARE_OF_SUBJECTS: u64 = 3;

/// Makes an action for a point, where it can be done there.
type Act = fn(&LinkDef, &PointDef, &mut Draw) -> Option<PointAction>;

/// How many frames of a point there are to draw from, of so many subjects.
type Frames = fn(u64) -> u64;

/// The kinds of rules: what is done, and at which frame of the point.
const KINDS: [(Act, Frames); 6] = [
    (crash_before_commit, usual),
    (crash_after_commit, usual),
    (hold_commit, usual),
    (lose_answer_to_commit, usual),
    (redeliver, usual),
    (refuse, |subjects| usual(subjects).min(REFUSED_MAX)),
];

fn usual(subjects: u64) -> u64 {
    (subjects / SHARE_OF_SUBJECTS).max(1)
}

/// The rules of a run that starts so many subjects.
pub(crate) fn rules(target: &Target, subjects: u32, seed: u64) -> Vec<PointRule> {
    let links = target.links();
    // Clients are not part of what is judged.
    let served = links.iter().filter(|link| link.from_of != CLIENT);
    let points: Vec<(&LinkDef, PointDef)> = served
        .flat_map(|link| points_of(target, link).into_iter().map(move |point| (link, point)))
        .filter(|(_, point)| !point.seldom)
        .collect();
    let mut rules = Vec::new();
    for ((act, frames), n) in KINDS.into_iter().zip(0u64..) {
        let mut draw = Draw::new(seed, STREAM + (n << 16));
        let able = points.iter().filter_map(|(link, point)| {
            let action = act(link, point, &mut draw)?;
            Some((*link, point, action))
        });
        let able: Vec<_> = able.collect();
        let Some((link, point, action)) = draw.pick(&able) else {
            continue;
        };
        rules.push(PointRule {
            at: PointSelection {
                link: link.name.clone(),
                point: point.name.clone(),
                nth: Some(1 + draw.below(frames(u64::from(subjects)))),
                tx: None,
                share: 1.0,
                not_yet: None,
            },
            action: action.clone(),
        });
    }
    rules
}

/// Whether it asks for a commit.
fn asks(point: &PointDef) -> bool {
    point.role == Role::Committed && !point.is_reply
}

/// Whether it says that a commit is done.
fn tells(point: &PointDef) -> bool {
    point.role == Role::Committed && point.is_reply
}

fn crash(link: &LinkDef) -> PointAction {
    PointAction::Crash {
        party: link.from.clone(),
        moment: Moment::Before,
        restart_ms: RESTART_MS,
    }
}

/// The transaction is never committed, and whoever wanted it is gone.
fn crash_before_commit(link: &LinkDef, point: &PointDef, _: &mut Draw) -> Option<PointAction> {
    asks(point).then(|| crash(link))
}

/// It is, and nobody is left who knows.
fn crash_after_commit(link: &LinkDef, point: &PointDef, _: &mut Draw) -> Option<PointAction> {
    tells(point).then(|| crash(link))
}

/// It is open longer than others wait for it.
fn hold_commit(_: &LinkDef, point: &PointDef, _: &mut Draw) -> Option<PointAction> {
    asks(point).then_some(PointAction::Delay {
        fixed_ms: HOLD_MS,
        jitter_ms: 0,
    })
}

/// It is committed, and whoever wanted it goes on without knowing.
fn lose_answer_to_commit(_: &LinkDef, point: &PointDef, _: &mut Draw) -> Option<PointAction> {
    tells(point).then_some(PointAction::Reset(Moment::Before))
}

/// A message comes twice, the second time while the first may be under way.
fn redeliver(_: &LinkDef, point: &PointDef, draw: &mut Draw) -> Option<PointAction> {
    let how = if draw.one_in(2) {
        Redelivery::Twice
    } else {
        Redelivery::Rewind
    };
    (point.role == Role::Delivered).then_some(PointAction::Redeliver(how))
}

/// A statement that a database undoes, for a deadlock or a lock that it waited for too long.
fn refuse(_: &LinkDef, point: &PointDef, draw: &mut Draw) -> Option<PointAction> {
    let refusal = *draw.pick(point.refusals)?;
    matches!(refusal, Refusal::LockWaitTimeout | Refusal::Deadlock).then_some(PointAction::Error(refusal))
}
