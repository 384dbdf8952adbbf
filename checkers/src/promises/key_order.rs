//! `key-order`: what is of one key comes out in the order of its sequence numbers; judged by
//! [`key_order`](crate::queues::key_order).
//!
//! Either the rows of a view at the end (in their order, or by a column of positions), or deliveries on the wire. Only the
//! first time counts: a redelivery is no disorder.

use std::collections::BTreeMap;

use super::support::{Keys, Last, NAME_OPTION, Point, at, cell, column, doubted, key_name, needs_of, read, unsettled};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Body, Event, Header, Moment, Rows};
use crate::money;
use crate::queues::key_order::{self, KeyOrder};
use crate::run::Facts;
use crate::streaming::{At, Names, Streaming, plural};
use crate::verdict::{CheckerResult, decided};

pub(super) const ENTRY: Entry = Entry {
    name: key_order::NAME,
    about: "what is of one key comes out in the order of its sequence numbers",
    options: &[
        NAME_OPTION,
        ("view", "the view whose rows show what came out"),
        ("point", "\"LINK POINT\": instead of a view, where deliveries are seen"),
        (
            "key",
            "what is in order: the view's column, or the key's name on the wire",
        ),
        (
            "sequence",
            "the numbers that say what order: the view's column, or the key's name on the wire",
        ),
        (
            "position",
            "the view's column of numbers in whose order rows came out; default: the order of the rows",
        ),
    ],
    anomalies: &["out-of-order"],
    decides: &[decided(
        "the sequence numbers of each key, in the order of the final view or of the deliveries",
    )],
    how: How::Own(make),
};

/// Digits behind the point of a sequence number.
const SCALE: u32 = 6;

/// Where order is seen.
enum Seen {
    View { view: String, position: Option<String> },
    Point(Point),
}

/// Something that came out.
#[derive(Clone)]
struct Out {
    key: u32,
    sequence: i128,
    index: u64,
}

struct Order {
    seen: Seen,
    key: String,
    sequence: String,
    keys: Keys,
    last: Last<Vec<Out>>,
    delivered: Vec<Out>,
    frames: u64,
    unread: Option<String>,
    /// Frames that do not say which number is of which key.
    unclear: u64,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let on_wire = options.value("point").is_some();
    if on_wire && options.value("view").is_some() {
        options.say(
            "view",
            "and point exclude each other: order is seen in a view or on the wire",
        );
    }
    let (seen, key, sequence) = if on_wire {
        if options.value("position").is_some() {
            options.say("position", "is of a view; on the wire the order is that of the frames");
        }
        let point = Point::read(options, "point");
        let key = key_name(options, "key", header);
        let sequence = key_name(options, "sequence", header);
        (Seen::Point(point?), key?, sequence?)
    } else {
        let view = options.view_at("view", header, Moment::Final);
        options.needed("key", "\"account\"");
        options.needed("sequence", "\"number\"");
        let (key, sequence) = (options.text("key"), options.text("sequence"));
        let position = options.text("position").map(str::to_owned);
        let view = view?.to_owned();
        (Seen::View { view, position }, key?.to_owned(), sequence?.to_owned())
    };
    options.is_fine().then(|| {
        Box::new(Order {
            seen,
            keys: Keys::named(header, &key),
            key,
            sequence,
            last: Last::Never,
            delivered: Vec::new(),
            frames: 0,
            unread: None,
            unclear: 0,
        }) as Box<dyn Judge>
    })
}

fn number(name: &str, text: &str) -> Result<i128, String> {
    let number = money::parse(text, SCALE).map(|number| number.nearest());
    number.map_err(|_| format!("{name} is {text:?}, which is no number"))
}

impl Order {
    fn rows(&mut self, rows: &Rows, index: u64) -> Result<Vec<Out>, String> {
        let Seen::View { position, .. } = &self.seen else {
            return Ok(Vec::new());
        };
        let (key, sequence) = (column(rows, &self.key)?, column(rows, &self.sequence)?);
        let by = position
            .as_ref()
            .map(|name| Ok::<_, String>((name, column(rows, name)?)))
            .transpose()?;
        let mut out = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            let place = by.map_or(Ok(0), |(name, by)| number(name, cell(row, by)))?;
            let sequence = number(&self.sequence, cell(row, sequence))?;
            let key = self.keys.number(cell(row, key));
            out.push((place, Out { key, sequence, index }));
        }
        out.sort_by_key(|(place, _)| *place);
        Ok(out.into_iter().map(|(_, out)| out).collect())
    }

    fn deliver(&mut self, event: &Event) {
        let (Body::Wire(wire), Seen::Point(point)) = (&event.body, &self.seen) else {
            return;
        };
        if !point.is(wire) {
            return;
        }
        self.frames += 1;
        if !wire.arrived() {
            return;
        }
        let (key, sequence) = match (wire.key(&self.key), wire.key(&self.sequence)) {
            ([key], [sequence]) => (key, sequence),
            ([], []) => return,
            _ => return self.unclear += 1,
        };
        match number(&self.sequence, sequence) {
            Ok(sequence) => {
                let (key, index) = (self.keys.number(key), event.index);
                self.delivered.push(Out { key, sequence, index });
            }
            Err(why) => self.unread = Some(why),
        }
    }

    /// What came out, and why not everything is known of it.
    fn out(&self, run: &Facts) -> (Vec<Out>, Vec<String>) {
        let mut doubts = Vec::new();
        let out = match &self.seen {
            Seen::View { view, .. } => {
                doubts.extend(unsettled(run, Moment::Final));
                match self.last.shown(view, Moment::Final) {
                    Ok((_, out)) => out.clone(),
                    Err(why) => {
                        doubts.push(why);
                        Vec::new()
                    }
                }
            }
            Seen::Point(point) => {
                if run.cut_short {
                    doubts.extend(run.incomplete());
                }
                let (key, sequence) = (&self.key, &self.sequence);
                match self.frames {
                    0 => doubts.push(format!("no frame of {point} was seen")),
                    _ if self.delivered.is_empty() && self.unread.is_none() => {
                        doubts.push(format!("no frame of {point} carried one {key} and one {sequence}"));
                    }
                    _ if self.unclear > 0 => doubts.push(format!(
                        "{} of {point} did not carry one {key} and one {sequence}: their order is not known",
                        plural(self.unclear, "frame")
                    )),
                    _ => {}
                }
                self.delivered.clone()
            }
        };
        doubts.extend(self.unread.clone());
        (out, doubts)
    }
}

impl Judge for Order {
    fn observe(&mut self, event: &Event) {
        match &self.seen {
            Seen::View { view, .. } => {
                if let Some((name, Moment::Final, shown)) = read(event)
                    && name == view
                {
                    let out = shown.and_then(|rows| self.rows(rows, at(event).index));
                    self.last.keep(event, out);
                }
            }
            Seen::Point(_) => self.deliver(event),
        }
    }

    fn needs(&self) -> Vec<Need> {
        let Seen::View { view, position } = &self.seen else {
            return Vec::new();
        };
        let columns = [("key", &self.key), ("sequence", &self.sequence)];
        let position = position.iter().map(|position| ("position", position));
        needs_of(view, columns.into_iter().chain(position))
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let (out, doubts) = self.out(run);
        // Sent in the order of their numbers, each before the next: the number of a message is its place in that order.
        let mut numbers: BTreeMap<(u32, i128), u32> = BTreeMap::new();
        for each in &out {
            numbers.insert((each.key, each.sequence), 0);
        }
        let mut checker = KeyOrder::new();
        let (mut messages, mut index) = (Vec::with_capacity(numbers.len()), 0);
        let mut push = |index: &mut u64, event| {
            checker.push(At { index: *index, time: 0 }, event);
            *index += 1;
        };
        for (id, ((key, sequence), number)) in (0..).zip(&mut numbers) {
            *number = id;
            messages.push((*key, *sequence));
            push(&mut index, key_order::Event::Send { id, key: *key });
            push(&mut index, key_order::Event::Sent(id));
        }
        let sends = index;
        for each in &out {
            push(
                &mut index,
                key_order::Event::Delivered(numbers[&(each.key, each.sequence)]),
            );
        }
        let named = Named {
            keys: &self.keys,
            messages: &messages,
        };
        let mut result = checker.finish_named(&named);
        for anomaly in &mut result.anomalies {
            let places = anomaly.witness.iter().filter_map(|index| index.checked_sub(sends));
            let mut witness: Vec<u64> = places
                .filter_map(|place| Some(out.get(usize::try_from(place).ok()?)?.index))
                .collect();
            witness.dedup();
            anomaly.witness = witness;
        }
        doubted(result, doubts)
    }
}

struct Named<'a> {
    keys: &'a Keys,
    messages: &'a [(u32, i128)],
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        let (key, sequence) = self.messages[id as usize];
        let sequence = money::major(sequence, SCALE).to_string();
        let sequence = sequence.trim_end_matches('0').trim_end_matches('.');
        format!("{}/{sequence}", self.keys.name(key))
    }

    fn key(&self, key: u32) -> String {
        self.keys.said("", key)
    }
}
