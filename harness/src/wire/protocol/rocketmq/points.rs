//! The names and roles of remoting requests and deliveries, and the keys in them.

use paytwice_checkers::history::Role;

use super::What;
use crate::remoting::{Frame as Remoting, Properties, Record, Records, codes};
use crate::wire::core::{Frame, FrameKind, Label, Point};
use crate::wire::keys::Keys;
use crate::wire::protocol::Terms;

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
    let batch = header.code == codes::SEND_BATCH_MESSAGE || field("batch", "m") == "true";
    let body = (!batch).then(|| remoting.body());
    let keys = terms.finder.message(properties.keys(), body);
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
    let kind = if batch || system {
        FrameKind::Plain
    } else {
        FrameKind::Send
    };
    let frame = Frame::named(remoting.raw().clone(), kind, label.request());
    (frame, What::Named(label))
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
    let records = Records::new(remoting.body()).map_while(Result::ok);
    let points = records.map(|record| Point {
        label: Label {
            name: format!("DELIVER {}", terms.finder.shown(record.topic)),
            role: Role::Delivered,
            keys: learn(terms, &record),
        },
        bytes: record.span.len(),
        outcome: None,
        did: None,
    });
    Frame {
        points: points.collect(),
        ..Frame::plain(remoting.raw().clone(), FrameKind::Delivery)
    }
}

/// Keys of a stored message, noted under its ids.
fn learn(terms: &Terms, record: &Record<'_>) -> Keys {
    let keys = terms.finder.message(record.properties.keys(), record.body);
    let mut memory = terms.memory();
    if let Some(id) = record.properties.unique_key() {
        memory.messages.learn(id, &keys);
    }
    memory.messages.learn(&record.log_offset.to_string(), &keys);
    keys
}
