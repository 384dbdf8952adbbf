//! The names of remoting requests and deliveries, and the transaction numbers in them.

use super::What;
use crate::dependency::rocketmq::remoting::{Frame as Remoting, Properties, Record, Records, codes};
use crate::wire::core::{Frame, FrameKind, Point};
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
    let tx = terms.correlation.of_message(properties.keys(), body);
    if let Some(id) = properties.unique_key() {
        terms.memory().learn(id, &tx);
    }
    let half = if properties.is_half() { "half " } else { "" };
    let name = format!("SEND {half}{}", terms.correlation.shown(topic));
    let system = topic.starts_with('%') || topic.starts_with("RMQ_SYS_");
    let kind = if batch || system {
        FrameKind::Plain
    } else {
        FrameKind::Send
    };
    let frame = Frame::named(remoting.raw().clone(), kind, format!("{name} request"), tx.clone());
    (frame, What::Named(format!("{name} reply"), tx))
}

fn route(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let topic = remoting.header.field("topic").unwrap_or_default();
    let name = format!("ROUTE {}", terms.correlation.shown(topic));
    let raw = remoting.raw().clone();
    let frame = Frame::named(raw, FrameKind::Plain, format!("{name} request"), Vec::new());
    (frame, What::Route(Some(format!("{name} reply"))))
}

fn end_transaction(terms: &Terms, remoting: &Remoting) -> Frame {
    let header = &remoting.header;
    let outcome = match header.number("commitOrRollback") {
        Some(8) => "commit",
        Some(12) => "rollback",
        _ => "unknown",
    };
    let ids = ["transactionId", "msgId"]
        .into_iter()
        .filter_map(|name| header.field(name));
    let tx = terms.memory().tx_of(ids);
    let name = format!("END_TRANSACTION {outcome} request");
    Frame::named(remoting.raw().clone(), FrameKind::Plain, name, tx)
}

/// The broker asks: the body is the half message.
fn check(terms: &Terms, remoting: &Remoting) -> Frame {
    let raw = remoting.raw().clone();
    let record = Records::new(remoting.body()).next().and_then(Result::ok);
    let topic = record
        .as_ref()
        .map_or("?", |r| r.properties.get("REAL_TOPIC").unwrap_or(r.topic));
    let name = format!("CHECK_TRANSACTION_STATE {} request", terms.correlation.shown(topic));
    let tx = record.as_ref().map(|r| learn(terms, r)).unwrap_or_default();
    Frame::named(raw, FrameKind::Plain, name, tx)
}

fn give_back(terms: &Terms, remoting: &Remoting) -> (Frame, What) {
    let header = &remoting.header;
    let topic = header.field("originTopic").unwrap_or_default();
    let ids = [header.field("originMsgId"), header.field("offset")];
    let tx = terms.memory().tx_of(ids.into_iter().flatten());
    let name = format!("CONSUMER_SEND_MSG_BACK {}", terms.correlation.shown(topic));
    let frame = Frame::named(
        remoting.raw().clone(),
        FrameKind::Plain,
        format!("{name} request"),
        tx.clone(),
    );
    (frame, What::Named(format!("{name} reply"), tx))
}

/// Names each message that a pull answer brings.
pub(super) fn delivery(terms: &Terms, remoting: &Remoting) -> Frame {
    let records = Records::new(remoting.body()).map_while(Result::ok);
    let points = records.map(|record| Point {
        name: format!("DELIVER {}", terms.correlation.shown(record.topic)),
        tx: learn(terms, &record),
        bytes: record.span.len(),
        did: None,
    });
    Frame {
        points: points.collect(),
        ..Frame::plain(remoting.raw().clone(), FrameKind::Delivery)
    }
}

/// Transaction numbers of a stored message, noted under its ids.
fn learn(terms: &Terms, record: &Record<'_>) -> Vec<String> {
    let tx = terms.correlation.of_message(record.properties.keys(), record.body);
    let mut memory = terms.memory();
    if let Some(id) = record.properties.unique_key() {
        memory.learn(id, &tx);
    }
    memory.learn(&record.log_offset.to_string(), &tx);
    tx
}
