//! The words in which rules are told what to do, and links what to record: directions, moments, kinds of frames.
//!
//! Types and their texts only: plans and files are written in them, too.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A direction of a link, seen from the party on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// From left to right.
    Request,
    /// From right to left.
    Reply,
}

/// What is duplicated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duplicated {
    /// An HTTP request is sent a second time; its second answer is dropped.
    HttpRequest,
    /// A message is stored a second time by the broker.
    Send,
    /// A stored message is delivered to the consumer a second time.
    Delivery,
}

/// On which side of a frame something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The frame does not arrive any more.
    Before,
    /// The frame arrives, and nothing behind it.
    After,
}

/// How a consumer gets a message again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redelivery {
    /// Its position is set back to the message, so that it pulls it, and what is behind it, again.
    Rewind,
    /// The message stands twice in one answer.
    Twice,
}

/// What of the wire goes into the history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WireDetail {
    /// Only frames that something was done to. Deliveries cannot be counted then.
    Off,
    /// Every frame with a name.
    #[default]
    Points,
    /// Every frame.
    All,
}

impl FromStr for WireDetail {
    type Err = String;

    fn from_str(text: &str) -> Result<WireDetail, String> {
        match text {
            "off" => Ok(WireDetail::Off),
            "points" => Ok(WireDetail::Points),
            "all" => Ok(WireDetail::All),
            _ => Err(format!("{text:?} is none of off, points, all")),
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Direction::Both => "both ways",
            Direction::Request => "requests",
            Direction::Reply => "replies",
        })
    }
}

impl fmt::Display for Duplicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Duplicated::HttpRequest => "http-request",
            Duplicated::Send => "send",
            Duplicated::Delivery => "delivery",
        })
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
