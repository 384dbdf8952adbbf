//! Rules at wire points, as users write them: `POINT [SELECTION]: ACTION`. One grammar for the command line, plan files
//! and the builder.
//!
//! ```text
//! pay->mysql COMMIT reply: drop
//! pay->mysql COMMIT request #2: crash pay before
//! account->rocketmq DELIVER topic_notifymsg tx=* 30%: duplicate
//! account->mysql COMMIT reply: hold until pay->mysql COMMIT reply
//! ```
//!
//! Text and types only. Whether a point exists is decided in `points`; what an action does, in `wire` and `fault`.

use std::fmt;
use std::str::FromStr;

use super::duration::{duration_ms, show_ms};
use super::error::{did_you_mean, list};
use super::refusal::{Refusal, UnknownRefusal};
use super::types::{Direction, FaultSpec};

/// How long a crashed party stays down, where nothing else is said.
const RESTART_MS: u64 = 500;
/// How long a party is paused, or a link cut, where nothing else is said.
const FOR_MS: u64 = 3000;

/// A rule at a wire point.
#[derive(Clone, Debug, PartialEq)]
pub struct PointRule {
    /// Which frames.
    pub at: PointSelection,
    /// What is done.
    pub action: PointAction,
}

/// Frames of one named point of one link.
#[derive(Clone, Debug, PartialEq)]
pub struct PointSelection {
    /// The link.
    pub link: String,
    /// The point, with its way: `COMMIT reply`.
    pub point: String,
    /// Only the n-th, from 1.
    pub nth: Option<u64>,
    /// Only this transaction number; `*`: any.
    pub tx: Option<String>,
    /// Share of them, 0 to 1.
    pub share: f64,
}

/// On which side of a frame something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The frame does not arrive any more.
    Before,
    /// The frame arrives, and nothing behind it.
    After,
}

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
    /// The frame arrives twice.
    Duplicate,
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

/// What may do in the world what an action does here.
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

/// Every action by its first word: its form, what it does, what does the like in the world.
pub(crate) const ACTIONS: [(&str, &str, &str, Legality); 13] = [
    (
        "drop",
        "drop",
        "the frame never arrives; its connection stays open",
        Legality::Contract,
    ),
    (
        "delay",
        "delay 200ms+100ms",
        "it arrives later: a fixed time and a random one on top",
        Legality::Network,
    ),
    ("duplicate", "duplicate", "it arrives twice", Legality::Contract),
    (
        "hold",
        "hold until POINT",
        "it waits for another point, at most until the rule is lifted",
        Legality::Network,
    ),
    (
        "reorder",
        "reorder 2",
        "the next frames on its way overtake it",
        Legality::Contract,
    ),
    (
        "cut",
        "cut both 3s",
        "from it on nothing passes the link: both ways, request or reply",
        Legality::Network,
    ),
    (
        "reset",
        "reset before",
        "its connection is reset, before or after it",
        Legality::Network,
    ),
    (
        "throttle",
        "throttle 1000",
        "it passes with so many bytes per second",
        Legality::Network,
    ),
    (
        "error",
        "error 1213",
        "it is answered with an error in the server's place: 1205, 1213, busy, no-route, 503",
        Legality::Contract,
    ),
    (
        "trigger",
        "trigger cut account->mysql 3s",
        "another fault begins: kill, pause, cut, delay or reset of any party or link",
        Legality::Network,
    ),
    (
        "corrupt",
        "corrupt 0",
        "one byte is changed, counted from its end",
        Legality::Outside,
    ),
    (
        "crash",
        "crash pay after restart 500ms",
        "a process ends before or after it, exactly, and starts again",
        Legality::Crash,
    ),
    (
        "pause",
        "pause pay after 3s",
        "a process stands still from before or after it on",
        Legality::Crash,
    ),
];

impl PointAction {
    /// Its first word.
    pub fn word(&self) -> &'static str {
        match self {
            PointAction::Delay { .. } => "delay",
            PointAction::Drop => "drop",
            PointAction::Duplicate => "duplicate",
            PointAction::HoldUntil(_) => "hold",
            PointAction::Reorder { .. } => "reorder",
            PointAction::Cut { .. } => "cut",
            PointAction::Reset(_) => "reset",
            PointAction::Throttle { .. } => "throttle",
            PointAction::Error(_) => "error",
            PointAction::Trigger { .. } => "trigger",
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

    fn parse(text: &str) -> Result<PointAction, String> {
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
            ("duplicate", []) => Ok(PointAction::Duplicate),
            ("delay", [time]) => {
                let (fixed_ms, jitter_ms) = delay(time).map_err(malformed)?;
                Ok(PointAction::Delay { fixed_ms, jitter_ms })
            }
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

fn number<T: FromStr + PartialOrd + From<u8>>(text: &str, min: u8) -> Result<T, String> {
    let number = text.parse::<T>().ok().filter(|n| *n >= T::from(min));
    number.ok_or_else(|| format!("has {text:?} where a number from {min} on belongs"))
}

impl FromStr for PointRule {
    type Err = String;

    fn from_str(text: &str) -> Result<PointRule, String> {
        let (at, action) = text
            .split_once(": ")
            .ok_or("lacks `: ` between point and action; write it like `pay->mysql COMMIT reply: drop`")?;
        Ok(PointRule {
            at: at.parse()?,
            action: PointAction::parse(action)?,
        })
    }
}

impl FromStr for PointSelection {
    type Err = String;

    fn from_str(text: &str) -> Result<PointSelection, String> {
        let mut words: Vec<&str> = text.split_whitespace().collect();
        let (mut nth, mut tx, mut share) = (None, None, 1.0);
        while let Some(last) = words.last() {
            if let Some(n) = last.strip_prefix('#') {
                nth = Some(number(n, 1)?);
            } else if let Some(of) = last.strip_prefix("tx=") {
                tx = Some(of.to_owned());
            } else if let Some(percent) = last.strip_suffix('%').and_then(|p| p.parse::<f64>().ok()) {
                if !(percent > 0.0 && percent <= 100.0) {
                    return Err(format!("{last:?}: a share is above 0% and at most 100%"));
                }
                share = percent / 100.0;
            } else {
                break;
            }
            words.pop();
        }
        let Some((link, point)) = words
            .split_first()
            .filter(|(link, point)| link.contains("->") && !point.is_empty())
        else {
            return Err(format!(
                "{text:?} is no point: a link and a point of it belong there, like `pay->mysql COMMIT reply`"
            ));
        };
        Ok(PointSelection {
            link: (*link).to_owned(),
            point: point.join(" "),
            nth,
            tx,
            share,
        })
    }
}

impl fmt::Display for PointRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.action)
    }
}

impl fmt::Display for PointSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.link, self.point)?;
        if let Some(nth) = self.nth {
            write!(f, " #{nth}")?;
        }
        if let Some(tx) = &self.tx {
            write!(f, " tx={tx}")?;
        }
        if self.share < 1.0 {
            write!(f, " {}%", self.share * 100.0)?;
        }
        Ok(())
    }
}

impl fmt::Display for PointAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let PointAction::Error(refusal) = self {
            return refusal.fmt(f);
        }
        f.write_str(self.word())?;
        match self {
            PointAction::Drop | PointAction::Duplicate | PointAction::Error(_) => Ok(()),
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

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Moment::Before => "before",
            Moment::After => "after",
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "pay->mysql COMMIT reply: drop",
            "pay->mysql COMMIT reply #2 tx=* 30%: delay 200ms+100ms",
            "pay->rocketmq SEND half topic_notifymsg request: duplicate",
            "account->mysql COMMIT reply: hold until pay->mysql COMMIT reply #3",
            "account->rocketmq DELIVER %RETRY%group: reorder 2",
            "pay->mysql COMMIT request: cut both 3s",
            "pay->mysql COMMIT request: reset after",
            "client->pay POST /pay/recharge reply: throttle 1000",
            "pay->mysql INSERT account_pay request: error 1213",
            "pay->mysql COMMIT reply: trigger cut account->mysql reply 3s",
            "pay->mysql COMMIT reply: trigger delay account->mysql both 200ms+0ms 3s",
            "pay->mysql COMMIT reply: trigger kill broker 1s",
            "pay->mysql COMMIT reply: corrupt 0",
            "pay->mysql COMMIT reply tx=t7: crash pay before restart 500ms",
            "pay->mysql COMMIT reply: pause pay after 3s",
        ] {
            let rule: PointRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            assert!(ACTIONS.iter().any(|(word, ..)| *word == rule.action.word()));
        }
        let short = |text: &str| text.parse::<PointRule>().unwrap().to_string();
        assert_eq!(short("a->b P: crash b"), "a->b P: crash b after restart 500ms");
        assert_eq!(short("a->b P: reset"), "a->b P: reset before");
        assert_eq!(short("a->b P: cut reply"), "a->b P: cut reply 3s");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_form() {
        for (text, names) in [
            ("pay->mysql COMMIT reply drop", vec!["`: `"]),
            ("COMMIT reply: drop", vec!["COMMIT reply", "no point"]),
            ("a->b P: dorp", vec!["dorp", "did you mean drop"]),
            ("a->b P: delay", vec!["delay 200ms+100ms"]),
            ("a->b P: delay soon", vec!["soon", "delay 200ms+100ms"]),
            ("a->b P: crash", vec!["crash pay after"]),
            ("a->b P: crash pay soon", vec!["soon", "crash pay after"]),
            ("a->b P: hold 5s", vec!["hold until POINT"]),
            ("a->b P: trigger", vec!["trigger cut account->mysql 3s"]),
            ("a->b P: trigger drop a->b", vec!["drop", "kill, pause"]),
            ("a->b P: error 1206", vec!["1206", "error 1205"]),
            ("a->b P #0: drop", vec!["\"0\"", "from 1"]),
            ("a->b P 0%: drop", vec!["0%"]),
            ("a->b P:  ", vec!["no action"]),
        ] {
            let error = text.parse::<PointRule>().unwrap_err();
            for name in names {
                assert!(error.contains(name), "{text}: {error}");
            }
        }
    }
}
