//! Rules at wire points, as users write them: `POINT [SELECTION]: ACTION`. One grammar for the command line, plan files
//! and the builder.
//!
//! ```text
//! pay->mysql COMMIT reply: drop
//! pay->mysql COMMIT request #2: crash pay before
//! account->rocketmq DELIVER topic_notifymsg tx=* 30%: duplicate
//! account->mysql COMMIT reply: hold until pay->mysql COMMIT reply
//! between pay->mysql COMMIT reply and account->mysql COMMIT reply #3: trigger cut account->mysql 3s
//! ```
//!
//! Text and types only. Whether a point exists is decided in `points`; what an action does, in `wire` and `fault`.

use std::fmt;
use std::str::FromStr;

use super::point_action::{PointAction, number};
use super::points::Point;

/// How a condition on two points is written.
const BETWEEN: &str = "between pay->mysql COMMIT reply and account->mysql COMMIT reply #3";

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
    /// Only frames that carry this key; `*`: any key.
    pub tx: Option<String>,
    /// Share of them, 0 to 1.
    pub share: f64,
    /// Only the frame after which `nth` keys (one, where it says nothing) have passed this point and not that other one, which
    /// may be on another link.
    pub not_yet: Option<Point>,
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
        if let Some(points) = text.trim_start().strip_prefix("between ") {
            return between(points).map_err(|problem| format!("{text:?} {problem}; write it like `{BETWEEN}`"));
        }
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
            not_yet: None,
        })
    }
}

/// `POINT and POINT #N`.
fn between(points: &str) -> Result<PointSelection, String> {
    let (first, second) = points.split_once(" and ").ok_or("lacks ` and ` with the other point")?;
    let mut first: PointSelection = first.parse()?;
    let second: PointSelection = second.parse()?;
    let selects = |of: &PointSelection| of.tx.is_some() || of.share < 1.0 || of.not_yet.is_some();
    if selects(&first) || first.nth.is_some() || selects(&second) {
        return Err("selects more than `#N`, the number of keys between both points".to_owned());
    }
    first.nth = second.nth;
    first.not_yet = Some(Point {
        link: second.link,
        name: second.point,
    });
    Ok(first)
}

impl fmt::Display for PointRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.action)
    }
}

impl fmt::Display for PointSelection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.not_yet {
            None => write!(f, "{} {}", self.link, self.point)?,
            Some(other) => write!(f, "between {} {} and {other}", self.link, self.point)?,
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::point_action::ACTIONS;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "pay->mysql COMMIT reply: drop",
            "pay->mysql COMMIT reply #2 tx=* 30%: delay 200ms+100ms",
            "pay->rocketmq SEND half topic_notifymsg request: duplicate",
            "pay->rocketmq SEND half topic_notifymsg request: duplicate 3 after 200ms",
            "client->pay POST /orders request: duplicate after 1.5s",
            "account->rocketmq DELIVER topic_notifymsg tx=t7: rewind",
            "account->rocketmq DELIVER topic_notifymsg #2: twice",
            "pay->rocketmq SEND half topic_notifymsg reply: fail and close",
            "account->mysql COMMIT reply: hold until pay->mysql COMMIT reply #3",
            "account->rocketmq DELIVER %RETRY%group: reorder 2",
            "pay->mysql COMMIT request: cut both 3s",
            "pay->mysql COMMIT request: reset after",
            "client->pay POST /orders reply: throttle 1000",
            "pay->mysql INSERT orders request: error 1213",
            "pay->mysql COMMIT reply: trigger cut account->mysql reply 3s",
            "pay->mysql COMMIT reply: trigger delay account->mysql both 200ms+0ms 3s",
            "pay->mysql COMMIT reply: trigger kill broker 1s",
            "pay->mysql COMMIT reply #7: rest 1.5s",
            "pay->mysql COMMIT reply: corrupt 0",
            "pay->mysql COMMIT reply tx=t7: crash pay before restart 500ms",
            "pay->mysql COMMIT reply: pause pay after 3s",
            "between pay->mysql COMMIT reply and account->mysql COMMIT reply #3: trigger cut account->mysql both 3s",
            "between pay->mysql COMMIT reply and account->mysql COMMIT reply: crash pay after restart 500ms",
            "account->mysql COMMIT reply: hold until between a->b P and c->d Q #2",
        ] {
            let rule: PointRule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            assert!(ACTIONS.iter().any(|(word, ..)| *word == rule.action.word()));
        }
        let short = |text: &str| text.parse::<PointRule>().unwrap().to_string();
        assert_eq!(short("a->b P: crash b"), "a->b P: crash b after restart 500ms");
        assert_eq!(short("a->b P: reset"), "a->b P: reset before");
        assert_eq!(short("a->b P: hold for 5s"), "a->b P: delay 5000ms+0ms");
        assert_eq!(short("a->b P: duplicate 1 after 0ms"), "a->b P: duplicate");
        assert_eq!(short("a->b P: rest"), "a->b P: rest 3s");
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
            ("a->b P: hold 5s", vec!["hold until POINT", "`hold for 5s`"]),
            ("a->b P: hold for a while", vec!["hold until POINT"]),
            ("a->b P: hold for ever", vec!["ever", "30s"]),
            (
                "a->b P: duplicate 0",
                vec!["\"0\"", "from 1", "duplicate 3 after 200ms"],
            ),
            ("a->b P: duplicate 101", vec!["at most 100"]),
            ("a->b P: duplicate 3 times", vec!["times", "duplicate 3 after 200ms"]),
            ("a->b P: duplicate after", vec!["duplicate 3 after 200ms"]),
            ("a->b P: duplicate after 5", vec!["no unit"]),
            ("a->b P: rest a while", vec!["a while", "rest 3s"]),
            ("a->b P: rewnd", vec!["did you mean rewind"]),
            ("a->b P: rewind 2", vec!["has \"2\"", "`rewind`"]),
            ("a->b P: fail", vec!["lacks", "fail and close"]),
            ("a->b P: error 2013", vec!["`reset before`", "`reset after`"]),
            ("a->b P: trigger", vec!["trigger cut account->mysql 3s"]),
            ("a->b P: trigger drop a->b", vec!["drop", "kill, pause"]),
            ("a->b P: error 1206", vec!["1206", "error 1205"]),
            ("a->b P #0: drop", vec!["\"0\"", "from 1"]),
            ("a->b P 0%: drop", vec!["0%"]),
            ("a->b P:  ", vec!["no action"]),
            ("between a->b P: drop", vec!["` and `", "between pay->mysql"]),
            (
                "between a->b P and Q: drop",
                vec!["\"Q\" is no point", "between pay->mysql"],
            ),
            ("between P and a->b Q: drop", vec!["\"P\" is no point"]),
            ("between a->b P #2 and a->b Q #3: drop", vec!["more than `#N`"]),
            ("between a->b P and a->b Q tx=t7: drop", vec!["more than `#N`"]),
            ("between a->b P and a->b Q #0: drop", vec!["\"0\"", "from 1"]),
        ] {
            let error = text.parse::<PointRule>().unwrap_err();
            for name in names {
                assert!(error.contains(name), "{text}: {error}");
            }
        }
    }
}
