//! What a rule does at its point, as users write it: `drop`, `duplicate 3 after 200ms`, `crash pay before`. One grammar
//! for the command line, plan files and the builder.
//!
//! Text and types only. What an action does is decided in `wire` and `fault`, where it can be done in `points`.

use std::fmt;
use std::str::FromStr;

use paytwice_checkers::names::{did_you_mean, list};

use super::duration::{duration_ms, show_ms};
use super::point_rule::PointSelection;
use super::types::FaultSpec;
use crate::wire::{Direction, Moment, Redelivery, Refusal, UnknownRefusal};

/// How long a crashed party stays down, where nothing else is said.
const RESTART_MS: u64 = 500;
/// How long a party is paused, or a link cut, where nothing else is said.
const FOR_MS: u64 = 3000;
/// How many copies of a frame a rule may make.
const COPIES_MAX: u32 = 100;

/// What is done at a point.
#[derive(Clone, Debug, PartialEq)]
pub enum PointAction {
    /// The frame arrives later, and what comes behind it too.
    Delay {
        /// Fixed part, milliseconds.
        fixed_ms: u64,
        /// Random part, 0 to this.
        jitter_ms: u64,
    },
    /// The frame never arrives; its connection stays open, as with a peer that does not answer.
    Drop,
    /// Copies of the frame follow it.
    Duplicate {
        /// How many, from 1.
        copies: u32,
        /// Time between two of them, milliseconds; what comes behind the frame does not wait for them.
        after_ms: u64,
    },
    /// A message that a consumer pulls is delivered to it again.
    Redeliver(Redelivery),
    /// The frame waits for another point, at most until the rule is lifted.
    HoldUntil(Box<PointSelection>),
    /// The frame is overtaken by the next ones on its way.
    Reorder {
        /// How many.
        behind: u32,
    },
    /// From this frame on nothing passes the link.
    Cut {
        /// Which way.
        direction: Direction,
        /// For so long, milliseconds.
        for_ms: u64,
    },
    /// The frame's connection is reset.
    Reset(Moment),
    /// Every request that waits on the frame's connection is answered with an error, then the connection ends.
    FailAndClose,
    /// Frames of this point pass no faster.
    Throttle {
        /// Bytes per second.
        bytes_per_s: u64,
    },
    /// The request is answered with an error that the protocol allows, and not passed on.
    Error(Refusal),
    /// A fault of the usual kind begins when the frame has arrived.
    Trigger {
        /// Which: kill, pause, cut, delay or reset of any party or link.
        fault: Box<FaultSpec>,
        /// For so long, milliseconds.
        for_ms: u64,
    },
    /// Clients start no new subject for a while; what has begun goes on.
    Rest {
        /// For so long, milliseconds.
        for_ms: u64,
    },
    /// One byte is changed.
    Corrupt {
        /// Which, counted from the end of the frame.
        from_end: usize,
    },
    /// The process of a party ends at this very frame, and starts again later.
    Crash {
        /// The party.
        party: String,
        /// On which side of the frame.
        moment: Moment,
        /// How long it stays down, milliseconds.
        restart_ms: u64,
    },
    /// The process of a party stands still from this very frame on.
    Pause {
        /// The party.
        party: String,
        /// On which side of the frame.
        moment: Moment,
        /// For so long, milliseconds.
        for_ms: u64,
    },
}

/// The real-world failure that an action models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Legality {
    /// A network.
    Network,
    /// A process or a machine that stops.
    Crash,
    /// A peer, within what its protocol promises.
    Contract,
    /// Nothing that a service must be able to bear. No default campaign does it.
    Outside,
}

/// Every action by its first word: an example, what the example does, and how it can happen in the real world.
pub(crate) const ACTIONS: [(&str, &str, &str, Legality); 17] = [
    (
        "drop",
        "drop",
        "the frame never arrives; its connection stays open",
        Legality::Contract,
    ),
    (
        "delay",
        "delay 200ms+100ms",
        "the frame and everything behind it arrive later: by a fixed time and a random one on top",
        Legality::Network,
    ),
    (
        "duplicate",
        "duplicate 3 after 200ms",
        "3 copies of the frame follow it, 200 ms apart; `duplicate` alone sends one copy at once",
        Legality::Contract,
    ),
    (
        "rewind",
        "rewind",
        "at DELIVER: the consumer's position is set back, so that it pulls the message again",
        Legality::Contract,
    ),
    (
        "twice",
        "twice",
        "at DELIVER: one answer holds the message twice",
        Legality::Contract,
    ),
    (
        "hold",
        "hold until POINT",
        "the frame waits until another point is passed, or the rule ends; `hold for 5s` waits 5 seconds",
        Legality::Network,
    ),
    (
        "reorder",
        "reorder 2",
        "the next 2 frames overtake the frame",
        Legality::Contract,
    ),
    (
        "cut",
        "cut both 3s",
        "from this frame on nothing passes the link for 3 seconds: both ways, request or reply",
        Legality::Network,
    ),
    (
        "reset",
        "reset before",
        "the connection is lost: before the frame arrives, or right after (`reset after`)",
        Legality::Network,
    ),
    (
        "fail",
        "fail and close",
        "links that carry messages: every waiting request is answered with an error, then the connection ends",
        Legality::Contract,
    ),
    (
        "throttle",
        "throttle 1000",
        "the frame passes at 1000 bytes per second",
        Legality::Network,
    ),
    (
        "error",
        "error 1213",
        "the link answers the request with an error: 1205, 1213, busy, no-route or 503",
        Legality::Contract,
    ),
    (
        "trigger",
        "trigger cut account->mysql 3s",
        "when the frame arrives, another fault begins: kill, pause, cut, delay or reset of any party or link",
        Legality::Network,
    ),
    (
        "rest",
        "rest 3s",
        "from this frame on clients start nothing new for 3 seconds; what has begun goes on",
        Legality::Contract,
    ),
    (
        "corrupt",
        "corrupt 0",
        "one byte of the frame is changed, counted from its end",
        Legality::Outside,
    ),
    (
        "crash",
        "crash pay after restart 500ms",
        "a process ends exactly before or after the frame, and starts again after 500 ms",
        Legality::Crash,
    ),
    (
        "pause",
        "pause pay after 3s",
        "a process stands still for 3 seconds, from exactly before or after the frame",
        Legality::Crash,
    ),
];

impl PointAction {
    /// Its first word.
    pub fn word(&self) -> &'static str {
        match self {
            PointAction::Delay { .. } => "delay",
            PointAction::Drop => "drop",
            PointAction::Duplicate { .. } => "duplicate",
            PointAction::Redeliver(Redelivery::Rewind) => "rewind",
            PointAction::Redeliver(Redelivery::Twice) => "twice",
            PointAction::HoldUntil(_) => "hold",
            PointAction::Reorder { .. } => "reorder",
            PointAction::Cut { .. } => "cut",
            PointAction::Reset(_) => "reset",
            PointAction::FailAndClose => "fail",
            PointAction::Throttle { .. } => "throttle",
            PointAction::Error(_) => "error",
            PointAction::Trigger { .. } => "trigger",
            PointAction::Rest { .. } => "rest",
            PointAction::Corrupt { .. } => "corrupt",
            PointAction::Crash { .. } => "crash",
            PointAction::Pause { .. } => "pause",
        }
    }

    /// The party whose process it stops.
    pub fn party(&self) -> Option<&str> {
        match self {
            PointAction::Crash { party, .. } | PointAction::Pause { party, .. } => Some(party),
            _ => None,
        }
    }

    /// Reads one, as it stands behind the colon of a rule.
    pub(super) fn parse(text: &str) -> Result<PointAction, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (word, rest) = words.split_first().ok_or("names no action after the colon")?;
        let known = || ACTIONS.iter().map(|(word, ..)| *word);
        let form = ACTIONS
            .iter()
            .find(|(known, ..)| known == word)
            .map(|(_, form, ..)| *form);
        let form = form.ok_or_else(|| {
            let hint = did_you_mean(word, known());
            format!("{word:?} is no action; there are {}{hint}", list(known()))
        })?;
        let malformed = |problem: String| format!("{text:?} {problem}; write it like `{form}`");
        match (*word, rest) {
            ("drop", []) => Ok(PointAction::Drop),
            ("duplicate", rest) => duplicate(rest).map_err(malformed),
            ("rewind", []) => Ok(PointAction::Redeliver(Redelivery::Rewind)),
            ("twice", []) => Ok(PointAction::Redeliver(Redelivery::Twice)),
            ("fail", ["and", "close"]) => Ok(PointAction::FailAndClose),
            ("delay", [time]) => {
                let (fixed_ms, jitter_ms) = delay(time).map_err(malformed)?;
                Ok(PointAction::Delay { fixed_ms, jitter_ms })
            }
            // What is behind a frame waits for it in either case.
            ("hold", ["for", time]) => Ok(PointAction::Delay {
                fixed_ms: duration_ms(time).map_err(malformed)?,
                jitter_ms: 0,
            }),
            ("hold", [time]) if duration_ms(time).is_ok() => Err(malformed(format!(
                "names no point; to hold for a time, write `hold for {time}`"
            ))),
            ("hold", ["until", point @ ..]) => {
                let selection = point.join(" ").parse().map_err(malformed)?;
                Ok(PointAction::HoldUntil(Box::new(selection)))
            }
            ("reorder", [behind]) => Ok(PointAction::Reorder {
                behind: number(behind, 1).map_err(malformed)?,
            }),
            ("cut", rest) => cut(rest).map_err(malformed),
            ("reset", rest) => match moment_and(rest)? {
                (moment, []) => Ok(PointAction::Reset(moment.unwrap_or(Moment::Before))),
                (_, more) => Err(malformed(format!("has {:?}", more.join(" ")))),
            },
            ("throttle", [rate]) => Ok(PointAction::Throttle {
                bytes_per_s: number(rate, 1).map_err(malformed)?,
            }),
            ("error", [_, ..]) => text
                .trim()
                .parse()
                .map(PointAction::Error)
                .map_err(|e: UnknownRefusal| e.to_string()),
            ("trigger", rest) => trigger(rest).map_err(malformed),
            ("rest", rest) => Ok(PointAction::Rest {
                for_ms: time_or(rest, FOR_MS).map_err(malformed)?,
            }),
            ("corrupt", []) => Ok(PointAction::Corrupt { from_end: 0 }),
            ("corrupt", [at]) => Ok(PointAction::Corrupt {
                from_end: number(at, 0).map_err(malformed)?,
            }),
            ("crash" | "pause", [party, rest @ ..]) => stop(word, party, rest).map_err(malformed),
            (_, []) => Err(malformed("lacks something".to_owned())),
            (_, more) => Err(malformed(format!("has {:?}", more.join(" ")))),
        }
    }
}

/// `3 after 200ms`, each part of it, or nothing.
fn duplicate(words: &[&str]) -> Result<PointAction, String> {
    let (copies, rest) = match words.split_first() {
        Some((&"after", _)) | None => (1, words),
        Some((copies, rest)) => (number(copies, 1)?, rest),
    };
    if copies > COPIES_MAX {
        return Err(format!("has {copies} copies, at most {COPIES_MAX} are made"));
    }
    let after_ms = match rest {
        [] => 0,
        ["after", time] => duration_ms(time)?,
        more => return Err(format!("has {:?}", more.join(" "))),
    };
    Ok(PointAction::Duplicate { copies, after_ms })
}

fn cut(words: &[&str]) -> Result<PointAction, String> {
    let (direction, rest) = direction_and(words);
    Ok(PointAction::Cut {
        direction,
        for_ms: time_or(rest, FOR_MS)?,
    })
}

/// `both`, `request` or `reply`, and what comes behind it; both ways where it is none of them.
fn direction_and<'a, 'w>(words: &'a [&'w str]) -> (Direction, &'a [&'w str]) {
    match words.split_first() {
        Some((&"both", rest)) => (Direction::Both, rest),
        Some((&"request", rest)) => (Direction::Request, rest),
        Some((&"reply", rest)) => (Direction::Reply, rest),
        _ => (Direction::Both, words),
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::Both => "both",
        Direction::Request => "request",
        Direction::Reply => "reply",
    }
}

fn time_or(words: &[&str], otherwise_ms: u64) -> Result<u64, String> {
    match words {
        [] => Ok(otherwise_ms),
        [time] => duration_ms(time),
        more => Err(format!("has {:?}", more.join(" "))),
    }
}

fn trigger(words: &[&str]) -> Result<PointAction, String> {
    let (kind, on, rest) = match words {
        [kind, on, rest @ ..] => (*kind, (*on).to_owned(), rest),
        _ => return Err("lacks a fault and what it is done to".to_owned()),
    };
    let (direction, after_direction) = direction_and(rest);
    let (fault, rest) = match kind {
        "kill" => (FaultSpec::Kill { on }, rest),
        "pause" => (FaultSpec::Pause { on }, rest),
        "reset" => (FaultSpec::Reset { on }, rest),
        "cut" => (FaultSpec::Cut { on, direction }, after_direction),
        "delay" => {
            let (time, rest) = after_direction
                .split_first()
                .ok_or("lacks how long a frame is delayed")?;
            let (fixed_ms, jitter_ms) = delay(time)?;
            let fault = FaultSpec::Delay {
                on,
                direction,
                fixed_ms,
                jitter_ms,
            };
            (fault, rest)
        }
        other => return Err(format!("has {other:?} where kill, pause, cut, delay or reset belongs")),
    };
    Ok(PointAction::Trigger {
        fault: Box::new(fault),
        for_ms: time_or(rest, FOR_MS)?,
    })
}

/// `200ms+100ms`: the fixed part, and the random one.
fn delay(time: &str) -> Result<(u64, u64), String> {
    let (fixed, jitter) = time.split_once('+').unwrap_or((time, "0ms"));
    Ok((duration_ms(fixed)?, duration_ms(jitter)?))
}

fn stop(word: &str, party: &str, words: &[&str]) -> Result<PointAction, String> {
    let (moment, rest) = moment_and(words)?;
    let (party, moment) = (party.to_owned(), moment.unwrap_or(Moment::After));
    let time = match (word, rest) {
        (_, []) => None,
        ("crash", ["restart", time]) | ("pause", [time]) => Some(duration_ms(time)?),
        (_, more) => return Err(format!("has {:?}", more.join(" "))),
    };
    Ok(match word {
        "crash" => PointAction::Crash {
            party,
            moment,
            restart_ms: time.unwrap_or(RESTART_MS),
        },
        _ => PointAction::Pause {
            party,
            moment,
            for_ms: time.unwrap_or(FOR_MS),
        },
    })
}

fn moment_and<'a, 'w>(words: &'a [&'w str]) -> Result<(Option<Moment>, &'a [&'w str]), String> {
    Ok(match words.split_first() {
        Some((&"before", rest)) => (Some(Moment::Before), rest),
        Some((&"after", rest)) => (Some(Moment::After), rest),
        _ => (None, words),
    })
}

pub(super) fn number<T: FromStr + PartialOrd + From<u8>>(text: &str, min: u8) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|n| *n >= T::from(min));
    number.ok_or_else(|| format!("has {text:?} where a number from {min} on belongs"))
}

impl fmt::Display for PointAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let PointAction::Error(refusal) = self {
            return refusal.fmt(f);
        }
        f.write_str(self.word())?;
        match self {
            PointAction::Drop | PointAction::Redeliver(_) | PointAction::Error(_) => Ok(()),
            PointAction::FailAndClose => f.write_str(" and close"),
            PointAction::Duplicate { copies, after_ms } => {
                match copies {
                    1 => {}
                    copies => write!(f, " {copies}")?,
                }
                match after_ms {
                    0 => Ok(()),
                    ms => write!(f, " after {}", show_ms(*ms)),
                }
            }
            PointAction::Delay { fixed_ms, jitter_ms } => write!(f, " {fixed_ms}ms+{jitter_ms}ms"),
            PointAction::HoldUntil(point) => write!(f, " until {point}"),
            PointAction::Reorder { behind } => write!(f, " {behind}"),
            PointAction::Cut { direction, for_ms } => {
                write!(f, " {} {}", way(*direction), show_ms(*for_ms))
            }
            PointAction::Reset(moment) => write!(f, " {moment}"),
            PointAction::Throttle { bytes_per_s } => write!(f, " {bytes_per_s}"),
            PointAction::Trigger { fault, for_ms } => {
                write!(f, " {} {}", fault.kind(), fault.on())?;
                match &**fault {
                    FaultSpec::Cut { direction, .. } => write!(f, " {}", way(*direction))?,
                    FaultSpec::Delay {
                        direction,
                        fixed_ms,
                        jitter_ms,
                        ..
                    } => write!(f, " {} {fixed_ms}ms+{jitter_ms}ms", way(*direction))?,
                    _ => {}
                }
                write!(f, " {}", show_ms(*for_ms))
            }
            PointAction::Rest { for_ms } => write!(f, " {}", show_ms(*for_ms)),
            PointAction::Corrupt { from_end } => write!(f, " {from_end}"),
            PointAction::Crash {
                party,
                moment,
                restart_ms,
            } => write!(f, " {party} {moment} restart {}", show_ms(*restart_ms)),
            PointAction::Pause { party, moment, for_ms } => write!(f, " {party} {moment} {}", show_ms(*for_ms)),
        }
    }
}

impl fmt::Display for Legality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Legality::Network => "as a network does",
            Legality::Crash => "as a crash does",
            Legality::Contract => "within the protocol",
            Legality::Outside => "outside any contract",
        })
    }
}
