//! The names of a RocketMQ link's points, from topics and from the groups that a service is told of.
//! Never: knows a topic that the manifest does not make.

use std::collections::BTreeSet;

use super::super::PointsOf;
use crate::plan::both;
use crate::plan::manifest::TopicKind;

/// Every point of a link.
pub(super) fn points(of: &PointsOf<'_>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let dependency = of.of.entry;
    let used: BTreeSet<&str> = of.told.iter().filter_map(|name| name.strip_prefix("group.")).collect();
    for (group, def) in dependency
        .groups
        .iter()
        .filter(|(group, _)| used.contains(group.as_str()))
    {
        match &def.topic {
            Some(topic) => {
                names.extend(both(&format!("ROUTE {topic}")));
                names.extend(both(&format!("ROUTE %RETRY%{group}")));
                names.insert(format!("DELIVER {topic}"));
                names.insert(format!("DELIVER %RETRY%{group}"));
                names.extend(both(&format!("CONSUMER_SEND_MSG_BACK {topic}")));
                names.extend(both(&format!("UPDATE_CONSUMER_OFFSET {topic}")));
            }
            None => {
                for (topic, kind) in dependency.topics.iter().map(|(name, topic)| (name, topic.kind)) {
                    names.extend(both(&format!("ROUTE {topic}")));
                    names.extend(both(&format!("SEND {topic}")));
                    if kind == TopicKind::Transaction {
                        names.extend(both(&format!("SEND half {topic}")));
                        names.insert(format!("CHECK_TRANSACTION_STATE {topic} request"));
                    }
                }
                if dependency
                    .topics
                    .values()
                    .any(|topic| topic.kind == TopicKind::Transaction)
                {
                    for outcome in ["commit", "rollback", "unknown"] {
                        names.insert(format!("END_TRANSACTION {outcome} request"));
                    }
                }
            }
        }
    }
    names
}
