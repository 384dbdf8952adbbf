//! `leftovers`: at rest nothing is left of what is only meant to exist for a while; judged by
//! [`leftovers`](crate::process::leftovers).
//!
//! Each row of a view is something that should be gone: an unsent row, a frozen amount, a prepared branch. So is a counter of
//! the last sample of the settle phase that is not zero (`half`: messages that are neither committed nor rolled back). Samples
//! that are older than that phase are no evidence.

use std::collections::BTreeMap;

use super::support::{Keys, Last, NAME_OPTION, at, column, doubted, key_of, merged, needs_of, read, unsettled, whole};
use super::{Entry, How, Judge, Need, Options};
use crate::history::{Body, Event, Header, Kind, Moment, Rows};
use crate::options::word;
use crate::process::leftovers::{self, Leftovers};
use crate::run::Facts;
use crate::streaming::{At, Names, Streaming};
use crate::verdict::{CheckerResult, decided};

pub(super) const ENTRY: Entry = Entry {
    name: leftovers::NAME,
    about: "at rest nothing is left of what is only meant to exist for a while",
    options: &[
        NAME_OPTION,
        ("views", "the views that have to be empty"),
        ("key", "the column that says what a row is of; default: the whole row"),
        ("samples", "the counters of samples that have to be zero"),
        (
            "moments",
            "when: \"rest\", \"after-repair\", \"final\"; default: [\"final\"]",
        ),
    ],
    anomalies: &["leftover"],
    decides: &[decided(
        "the rows of the views at rest, after the repair and at the end, and the counters of samples",
    )],
    how: How::Own(make),
};

const POSSIBLE: [Moment; 3] = [Moment::Rest, Moment::AfterRepair, Moment::Final];

struct Left {
    views: Vec<String>,
    key: Option<String>,
    samples: Vec<String>,
    moments: Vec<Moment>,
    keys: Keys,
    /// By moment, then by view.
    reads: BTreeMap<Moment, Vec<Last<Vec<u32>>>>,
    /// By moment, then by counter: what the last sample before that moment said.
    counted: BTreeMap<Moment, Vec<Option<(At, i64)>>>,
    /// The last sample so far, by counter.
    now: Vec<Option<(At, i64)>>,
    counters: Vec<String>,
}

fn make(options: &mut Options, header: &Header) -> Option<Box<dyn Judge>> {
    let views = options.texts("views").unwrap_or_default();
    let samples = options.texts("samples").unwrap_or_default();
    if views.is_empty() && samples.is_empty() {
        options.say(
            "views",
            "is missing; for example views = [\"unsent\"], or samples = [\"half\"]",
        );
    }
    let moments = options.moments("moments", &POSSIBLE, &[Moment::Final]);
    for view in &views {
        if options.refers("views", "view", view, header.views.keys().map(String::as_str)) {
            for moment in &moments {
                options.is_read("views", header, view, *moment);
            }
        }
    }
    let key = options.text("key").map(str::to_owned);
    options.is_fine().then(|| {
        let reads = moments.iter().map(|moment| (*moment, vec![Last::Never; views.len()]));
        Box::new(Left {
            keys: key
                .as_deref()
                .map_or_else(Keys::default, |key| Keys::named(header, key)),
            reads: reads.collect(),
            now: vec![None; samples.len()],
            views,
            key,
            samples,
            moments,
            counted: BTreeMap::new(),
            counters: Vec::new(),
        }) as Box<dyn Judge>
    })
}

impl Left {
    fn rows(&mut self, rows: &Rows) -> Result<Vec<u32>, String> {
        let key = self.key.as_ref().map(|key| column(rows, key)).transpose()?;
        let name = |row| match key {
            Some(key) => key_of(row, &[key]),
            None => whole(row, rows.columns()),
        };
        Ok(rows.iter().map(|row| self.keys.number(&name(row))).collect())
    }

    fn view(&mut self, event: &Event) {
        let Some((view, moment, shown)) = read(event) else {
            return;
        };
        let Some(position) = self.views.iter().position(|name| name == view) else {
            return;
        };
        if self.reads.contains_key(&moment) {
            let ids = shown.and_then(|rows| self.rows(rows));
            if let Some(last) = self.reads.get_mut(&moment) {
                last[position].keep(event, ids);
            }
        }
    }

    /// What is judged at one moment: the checker, its names, and why that moment shows nothing.
    fn judge(&self, moment: Moment, run: &Facts) -> CheckerResult {
        let mut doubts: Vec<String> = unsettled(run, moment).into_iter().collect();
        let settled = doubts.is_empty();
        let mut found: Vec<(At, String, String)> = Vec::new();
        let mut last = At::default();
        for (view, read) in self.views.iter().zip(&self.reads[&moment]) {
            match read.shown(view, moment) {
                Ok((at, ids)) => {
                    let mut ids = ids.clone();
                    ids.sort_unstable();
                    ids.dedup();
                    found.extend(ids.iter().map(|id| (at, self.keys.name(*id).to_owned(), view.clone())));
                    last = last.max_of(at);
                }
                Err(why) => doubts.push(why),
            }
        }
        let counted = match moment {
            Moment::Final => Some(&self.now),
            _ => self.counted.get(&moment),
        };
        for (position, name) in self.samples.iter().enumerate() {
            match counted.and_then(|counted| counted[position]) {
                Some((at, n)) => {
                    if n != 0 {
                        found.push((at, name.clone(), format!("{n} in the last sample")));
                    }
                    last = last.max_of(at);
                }
                None => doubts.push(self.no_sample(name)),
            }
        }
        let more = if self.moments.len() > 1 {
            format!(" at {}", word(moment))
        } else {
            String::new()
        };
        found.sort_by_key(|(at, ..)| at.index);
        let mut checker = Leftovers::new();
        for (id, (at, ..)) in (0..).zip(&found) {
            checker.push(*at, leftovers::Event::Appeared { id, kind: id });
        }
        checker.push(last, leftovers::Event::Searched);
        if settled && last != At::default() {
            let rested = At {
                index: last.index + 1,
                ..last
            };
            checker.push(rested, leftovers::Event::Quiescent);
        }
        let named = Named {
            noun: &self.keys.noun,
            found: &found,
            more,
        };
        let mut result = checker.finish_named(&named);
        for anomaly in &mut result.anomalies {
            // The moment of rest is that of the last read.
            anomaly.witness.retain(|index| *index <= last.index);
        }
        doubted(result, doubts)
    }

    fn no_sample(&self, name: &str) -> String {
        match self.counters.is_empty() {
            true => format!("no sample of the settle phase counted {name}"),
            false => format!(
                "the last sample did not count {name}; samples count {}",
                self.counters.join(", ")
            ),
        }
    }
}

impl At {
    /// The later of two.
    fn max_of(self, other: At) -> At {
        if other.index > self.index { other } else { self }
    }
}

impl Judge for Left {
    fn observe(&mut self, event: &Event) {
        match &event.body {
            Body::View(_) => self.view(event),
            Body::Sample(sample) => {
                for (name, now) in self.samples.iter().zip(&mut self.now) {
                    *now = sample.counters.get(name).map(|n| (at(event), *n));
                }
                for name in sample
                    .counters
                    .keys()
                    .filter(|name| !self.counters.contains(name))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    self.counters.push(name);
                }
            }
            Body::Phase(phase) => {
                let ended = match phase.name.as_str() {
                    "settle" => Moment::Rest,
                    "settle-repair" => Moment::AfterRepair,
                    _ => return,
                };
                if event.kind == Kind::Invoke {
                    self.now.fill(None);
                    self.counters.clear();
                } else {
                    self.counted.insert(ended, self.now.clone());
                }
            }
            _ => {}
        }
    }

    fn needs(&self) -> Vec<Need> {
        let views = self.views.iter();
        let needs = views.flat_map(|view| needs_of(view, self.key.iter().map(|key| ("key", key))));
        needs.collect()
    }

    fn finish(self: Box<Self>, run: &Facts) -> CheckerResult {
        let results = self.moments.iter().map(|moment| self.judge(*moment, run));
        merged(leftovers::NAME, results.collect())
    }
}

struct Named<'a> {
    noun: &'a str,
    found: &'a [(At, String, String)],
    more: String,
}

impl Names for Named<'_> {
    fn id(&self, id: u32) -> String {
        self.found[id as usize].1.clone()
    }

    fn said(&self, _noun: &str, id: u32) -> String {
        match self.noun {
            "" => self.id(id),
            noun => format!("{noun} {}", self.id(id)),
        }
    }

    fn key(&self, key: u32) -> String {
        format!("{}{}", self.found[key as usize].2, self.more)
    }
}
