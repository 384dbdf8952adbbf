//! The names and roles of remoting requests and deliveries, and the keys in them.

use std::borrow::Cow;

use paytwice_checkers::history::Role;

use super::What;
use crate::remoting::{Compression, Frame as Remoting, Properties, Record, Records, batch, codes};
use crate::wire::core::{Frame, FrameKind, Label, Point};
use crate::wire::correlation::Found;
use crate::wire::keys::Keys;
use crate::wire::protocol::{Terms, inflate};

/// What the topics begin with from which a group gets messages again.
const RETRY: &str = "%RETRY%";

/// Names a request, and says what its answer will be.
pub(super) fn request(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let raw = remoting.raw().clone();
    let code = remoting.header.code;
    match code {
        codes::SEND_MESSAGE | codes::SEND_MESSAGE_V2 | codes::SEND_BATCH_MESSAGE => send(terms, remoting),
        codes::END_TRANSACTION => (end_transaction(terms, remoting), What::Other),
        codes::CHECK_TRANSACTION_STATE => (check(terms, remoting), What::Other),
        codes::CONSUMER_SEND_MSG_BACK => give_back(terms, remoting),
        codes::UPDATE_CONSUMER_OFFSET => done(terms, remoting),
        codes::GET_ROUTEINFO_BY_TOPIC => route(terms, remoting),
        codes::GET_BROKER_CLUSTER_INFO => (Frame::plain(raw, FrameKind::Plain), What::Route(None)),
        codes::POP_MESSAGE => {
            let group = remoting.header.field("consumerGroup").unwrap_or_default();
            (Frame::plain(raw, FrameKind::Plain), What::Pop(group.to_owned()))
        }
        codes::ACK_MESSAGE | codes::CHANGE_MESSAGE_INVISIBLETIME => about_popped(terms, remoting),
        codes::BATCH_ACK_MESSAGE => {
            let label = Label {
                role: Role::Acknowledged,
                ..Label::plain("BATCH_ACK_MESSAGE", Keys::default())
            };
            (Frame::named(raw, FrameKind::Plain, label.request()), What::Named(label))
        }
        _ if codes::is_pull(code) => (Frame::plain(raw, FrameKind::Plain), What::Pull),
        _ => (Frame::plain(raw, FrameKind::Plain), What::Other),
    }
}

fn send(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let header = &remoting.header;
    // The second version of the request has one-letter names.
    let field = |long: &str, short: &str| header.field(long).or_else(|| header.field(short)).unwrap_or_default();
    let topic = field("topic", "b");
    let properties = Properties::new(field("properties", "i"));
    let sysflag = field("sysFlag", "f").parse().unwrap_or_default();
    let is_batch = header.code == codes::SEND_BATCH_MESSAGE || field("batch", "m") == "true";
    let keys = message(terms, properties, remoting.body(), Compression::of(sysflag), is_batch);
    if let Some(id) = properties.unique_key() {
        terms.memory().messages.learn(id, &keys);
    }
    let half = if properties.is_half() { "half " } else { "" };
    let label = Label {
        name: format!("SEND {half}{}", terms.finder.shown(topic)),
        role: Role::Sent,
        keys,
    };
    let system = topic.starts_with('%') || topic.starts_with("RMQ_SYS_");
    let kind = if system { FrameKind::Plain } else { FrameKind::Send };
    let frame = Frame::named(remoting.raw().clone(), kind, label.request());
    (frame, What::Named(label))
}

/// Keys of a message, or of all that are sent as one. The frame is counted.
fn message(terms: &Terms, properties: Properties<'_>, body: &[u8], compression: Compression, is_batch: bool) -> Keys {
    let plain = match compression {
        Compression::None => Some(Cow::Borrowed(body)),
        Compression::Zlib => inflate::zlib(body).map(Cow::Owned),
        Compression::Other => None,
    };
    let mut found = Found::default();
    let mut look = |properties: Properties<'_>, body: Option<&[u8]>| {
        terms
            .finder
            .message(properties.keys(), |name| properties.get(name), body, &mut found);
    };
    let batched = plain.as_deref().filter(|_| is_batch).map(batch);
    match batched {
        Some(Some(messages)) => {
            look(properties, Some(&[]));
            messages
                .iter()
                .for_each(|message| look(message.properties, Some(message.body)));
        }
        Some(None) => look(properties, None),
        None => look(properties, plain.as_deref()),
    }
    terms.finder.count(&found.keys, &found.could);
    found.keys
}

fn route(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let topic = remoting.header.field("topic").unwrap_or_default();
    let label = Label::plain(format!("ROUTE {}", terms.finder.shown(topic)), Keys::default());
    let frame = Frame::named(remoting.raw().clone(), FrameKind::Plain, label.request());
    (frame, What::Route(Some(label)))
}

fn end_transaction(terms: &Terms, remoting: &Remoting) -> Frame {
    let header = &remoting.header;
    let (outcome, role) = match header.number("commitOrRollback") {
        Some(8) => ("commit", Role::Committed),
        Some(12) => ("rollback", Role::RolledBack),
        _ => ("unknown", Role::Plain),
    };
    let ids = ["transactionId", "msgId"]
        .into_iter()
        .filter_map(|name| header.field(name));
    let label = Label {
        name: format!("END_TRANSACTION {outcome} request"),
        role,
        keys: terms.memory().messages.of(ids),
    };
    Frame::named(remoting.raw().clone(), FrameKind::Plain, label)
}

/// The broker asks: the body is the half message.
fn check(terms: &Terms, remoting: &Remoting) -> Frame {
    let raw = remoting.raw().clone();
    let record = Records::new(remoting.body()).next().and_then(Result::ok);
    let topic = record
        .as_ref()
        .map_or("?", |r| r.properties.get("REAL_TOPIC").unwrap_or(r.topic));
    let label = Label {
        name: format!("CHECK_TRANSACTION_STATE {} request", terms.finder.shown(topic)),
        role: Role::AskedBack,
        keys: record.as_ref().map(|r| learn(terms, r)).unwrap_or_default(),
    };
    Frame::named(raw, FrameKind::Plain, label)
}

fn give_back(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let header = &remoting.header;
    let topic = header.field("originTopic").unwrap_or_default();
    let ids = [header.field("originMsgId"), header.field("offset")];
    let keys = terms.memory().messages.of(ids.into_iter().flatten());
    let label = Label::plain(format!("CONSUMER_SEND_MSG_BACK {}", terms.finder.shown(topic)), keys);
    let frame = Frame::named(remoting.raw().clone(), FrameKind::Plain, label.request());
    (frame, What::Named(label))
}

/// A consumer is done with every message of a queue before an offset.
fn done(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let topic = remoting.header.field("topic").unwrap_or_default();
    let label = Label {
        name: format!("UPDATE_CONSUMER_OFFSET {}", terms.finder.shown(topic)),
        role: Role::Acknowledged,
        keys: Keys::default(),
    };
    let frame = Frame::named(remoting.raw().clone(), FrameKind::Plain, label.request());
    (frame, What::Named(label))
}

/// Names each message that a pull answer brings.
pub(super) fn delivery(terms: &Terms, remoting: &Remoting) -> Frame {
    delivered(terms, remoting, FrameKind::Delivery, |record| {
        (record.topic.to_owned(), learn(terms, record))
    })
}

/// Names each message that a pop answer brings. None of them can stand in it twice: a client finds the number with which it
/// acknowledges a message by the message's place in the answer.
pub(super) fn popped(terms: &Terms, remoting: &Remoting, group: &str) -> Frame {
    delivered(terms, remoting, FrameKind::Plain, |record| {
        let keys = learn(terms, record);
        let is_retry = is_retry(record.topic) || record.reconsume_times > 0;
        let topic = popped_topic(record.topic, group);
        let id = popped_id(topic, record.queue_id, record.queue_offset, is_retry);
        terms.memory().messages.learn(&id, &keys);
        (topic.to_owned(), keys)
    })
}

fn delivered(
    terms: &Terms,
    remoting: &Remoting,
    kind: FrameKind,
    read: impl Fn(&Record<'_>) -> (String, Keys),
) -> Frame {
    let records = Records::new(remoting.body()).map_while(Result::ok);
    let points = records.map(|record| {
        let (topic, keys) = read(&record);
        Point {
            label: Label {
                name: format!("DELIVER {}", terms.finder.shown(&topic)),
                role: Role::Delivered,
                keys,
            },
            bytes: record.span.len(),
            outcome: None,
            did: None,
        }
    });
    Frame {
        points: points.collect(),
        ..Frame::plain(remoting.raw().clone(), kind)
    }
}

/// A consumer is done with a message that it popped, or wants it again at another time.
fn about_popped(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let header = &remoting.header;
    let field = |name: &str| header.field(name).unwrap_or_default();
    let topic = popped_topic(field("topic"), field("consumerGroup"));
    // Offset and time of the pop, time hidden, queue of the broker's own, where the message stood: 0 for its topic.
    let of_topic = field("extraInfo").split(' ').nth(4).is_none_or(|place| place == "0");
    let is_retry = is_retry(field("topic")) || !of_topic;
    let queue = header.number("queueId").and_then(|queue| i32::try_from(queue).ok());
    let id = popped_id(
        topic,
        queue.unwrap_or_default(),
        header.number("offset").unwrap_or_default(),
        is_retry,
    );
    let (name, role) = match header.code {
        codes::ACK_MESSAGE => ("ACK_MESSAGE", Role::Acknowledged),
        _ => ("CHANGE_MESSAGE_INVISIBLETIME", Role::Plain),
    };
    let label = Label {
        name: format!("{name} {}", terms.finder.shown(topic)),
        role,
        keys: terms.memory().messages.of([id.as_str()]),
    };
    let frame = Frame::named(remoting.raw().clone(), FrameKind::Plain, label.request());
    (frame, What::Named(label))
}

fn is_retry(topic: &str) -> bool {
    topic.starts_with(RETRY)
}

/// The topic that a popped message was sent to: what a group gets again is kept under `%RETRY%group_topic`, or with a `+`.
fn popped_topic<'a>(topic: &'a str, group: &str) -> &'a str {
    let of_group = topic.strip_prefix(RETRY).and_then(|rest| rest.strip_prefix(group));
    let own = of_group.and_then(|rest| rest.strip_prefix(['_', '+']));
    own.filter(|own| !own.is_empty()).unwrap_or(topic)
}

/// Under what the keys of a popped message are remembered until it is acknowledged.
fn popped_id(topic: &str, queue: i32, offset: i64, is_retry: bool) -> String {
    let place = if is_retry { "retry" } else { "topic" };
    format!("popped {place} {topic} {queue} {offset}")
}

/// Keys of a stored message, noted under its ids.
fn learn(terms: &Terms, record: &Record<'_>) -> Keys {
    let keys = message(
        terms,
        record.properties,
        record.body,
        record.compression,
        record.is_batch,
    );
    let mut memory = terms.memory();
    if let Some(id) = record.properties.unique_key() {
        memory.messages.learn(id, &keys);
    }
    memory.messages.learn(&record.log_offset.to_string(), &keys);
    keys
}
