//! The points of a RocketMQ link, from topics and from the groups that a service is told of.
//! Never: knows a topic that the manifest does not make.

use std::collections::BTreeSet;

use paytwice_checkers::history::Role;

use super::super::PointsOf;
use super::super::manifest::TopicKind;
use crate::wire::{Duplicated, PointDef, Refusal};

/// Every point of a link.
pub(super) fn points(of: &PointsOf<'_>) -> BTreeSet<PointDef> {
    let mut points = BTreeSet::new();
    let dependency = of.of.entry;
    let used: BTreeSet<&str> = of.told.iter().filter_map(|name| name.strip_prefix("group.")).collect();
    for (group, def) in dependency
        .groups
        .iter()
        .filter(|(group, _)| used.contains(group.as_str()))
    {
        match &def.topic {
            Some(topic) => {
                points.extend(PointDef::both(&format!("ROUTE {topic}")));
                points.extend(PointDef::both(&format!("ROUTE %RETRY%{group}")));
                points.insert(delivery(topic));
                points.insert(delivery(&format!("%RETRY%{group}")).seldom(true));
                points.extend(PointDef::both(&format!("CONSUMER_SEND_MSG_BACK {topic}")));
                points.extend(PointDef::both(&format!("UPDATE_CONSUMER_OFFSET {topic}")));
                for popped in ["ACK_MESSAGE", "CHANGE_MESSAGE_INVISIBLETIME"] {
                    points.extend(PointDef::both(&format!("{popped} {topic}")));
                }
                points.extend(PointDef::both("BATCH_ACK_MESSAGE"));
            }
            None => {
                for (topic, kind) in dependency.topics.iter().map(|(name, topic)| (name, topic.kind)) {
                    points.extend(PointDef::both(&format!("ROUTE {topic}")));
                    points.extend(sending(&format!("SEND {topic}")));
                    if kind == TopicKind::Transaction {
                        points.extend(sending(&format!("SEND half {topic}")));
                        points.insert(PointDef::plain(format!("CHECK_TRANSACTION_STATE {topic} request")));
                    }
                }
                if dependency
                    .topics
                    .values()
                    .any(|topic| topic.kind == TopicKind::Transaction)
                {
                    for outcome in ["commit", "rollback", "unknown"] {
                        points.insert(PointDef::plain(format!("END_TRANSACTION {outcome} request")));
                    }
                }
            }
        }
    }
    points
}

/// A message is stored.
fn sending(name: &str) -> [PointDef; 2] {
    let [request, reply] = PointDef::refused(name, &[Refusal::SystemBusy]);
    [request.twice(Duplicated::Send), reply]
}

/// A message reaches its consumer.
fn delivery(topic: &str) -> PointDef {
    PointDef::plain(format!("DELIVER {topic}"))
        .meaning(Role::Delivered)
        .twice(Duplicated::Delivery)
}
