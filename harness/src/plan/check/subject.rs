//! `[subjects.*]`: keys, fields, and what is there beforehand.

use std::collections::BTreeMap;

use paytwice_checkers::names::{did_you_mean, list};

use super::request::Parts;
use super::{COUNT_MAX, Check, is_plain};
use crate::plan::manifest::{Coded, Field, Open, Subject};

/// Largest number of values that a field can be drawn from.
const VALUES_MAX: usize = 1000;

impl<'a> Check<'a> {
    pub(super) fn subject(&mut self, kind: &str, subject: &'a Subject) {
        let at = format!("subjects.{kind}");
        match &subject.key {
            Some(key) => self.started(&at, key, subject),
            None => self.beforehand(&at, kind, subject),
        }
    }

    fn started(&mut self, at: &str, key: &str, subject: &'a Subject) {
        let keys: Vec<&str> = self.manifest.keys.keys().map(String::as_str).collect();
        self.refers(&format!("{at}.key"), "key", key, &keys);
        for (name, given) in [
            ("count", subject.count.is_some()),
            ("late", subject.late.is_some()),
            ("names", subject.names.is_some()),
            ("open", subject.open.is_some()),
        ] {
            if given {
                self.say(format!(
                    "{at}.{name} belongs to what is there beforehand; clients start this one, for it has a `key`"
                ));
            }
        }
        for (name, field) in &subject.fields {
            let at = format!("{at}.fields.{name}");
            if !is_plain(name) {
                self.say(format!("{at}: names are letters, digits, `-` and `_`"));
            }
            if name == key {
                self.say(format!("{at} has the name of the subject's key; give it another"));
            }
            self.field(&at, field, subject);
        }
    }

    pub(super) fn field(&mut self, at: &str, field: &Field, subject: &Subject) {
        match field {
            Field::Names(kind) => {
                let kinds = self.kinds(true);
                self.refers(at, "a subject without a key", kind, &kinds);
            }
            Field::Coded(coded) => self.coded(at, coded, subject),
            Field::Of(of) => self.shares(at, of),
            Field::Between(from, to) if from > to => {
                self.say(format!(
                    "{at}.between is [{from}, {to}]; the first number is the smaller one"
                ));
            }
            Field::Between(..) | Field::Value(_) => {}
        }
    }

    fn coded(&mut self, at: &str, coded: &Coded, subject: &Subject) {
        let holder = |field: &&Field| matches!(field, Field::Names(_));
        if !subject.fields.get(&coded.per).is_some_and(|field| holder(&field)) {
            let fields = subject.fields.iter().filter(|(_, field)| holder(field));
            let known: Vec<&str> = fields.map(|(name, _)| name.as_str()).collect();
            let hint = did_you_mean(&coded.per, known.iter().copied());
            self.say(format!(
                "{at}.coded is {:?}; it must be a field that names the holder of the sum, one of {}{hint}",
                coded.per,
                list(known)
            ));
        }
        self.within(&format!("{at}.base"), coded.base, &(3..=36));
        self.within(&format!("{at}.digits"), coded.digits, &(2..=38));
        if coded.scale >= coded.digits {
            let (scale, digits) = (coded.scale, coded.digits);
            self.say(format!(
                "{at}.scale is {scale}; it must be less than its digits, {digits}"
            ));
        }
    }

    fn shares(&mut self, at: &str, of: &BTreeMap<String, f64>) {
        if of.is_empty() || of.len() > VALUES_MAX {
            let values = of.len();
            self.say(format!("{at}.of has {values} values; it can have 1 to {VALUES_MAX}"));
        }
        for (value, share) in of {
            if !(*share >= 0.0 && *share <= 1e9) {
                self.say(format!("{at}.of.{value} is {share}; a share is not negative"));
            }
        }
        if !of.is_empty() && of.values().all(|share| *share == 0.0) {
            self.say(format!("{at}.of has no value with a share above 0"));
        }
    }

    fn beforehand(&mut self, at: &str, kind: &str, subject: &'a Subject) {
        if !subject.fields.is_empty() {
            self.say(format!(
                "{at}.fields belongs to a subject that clients start; give it a `key`, or write the values into `open`"
            ));
        }
        if let Some(count) = subject.count {
            self.within(&format!("{at}.count"), count, &(1..=COUNT_MAX));
        }
        if let Some(late) = subject.late {
            let count = subject.count.unwrap_or(COUNT_MAX);
            self.within(&format!("{at}.late"), late, &(0..=count));
            if late > 0 && subject.open.is_none() {
                self.say(format!(
                    "{at}.late is {late}, and nothing says how one is opened: give it `open`"
                ));
            }
        }
        if let Some(names) = &subject.names
            && (names.matches("{n}").count() != 1 || !is_plain(&names.replacen("{n}", "0", 1)))
        {
            self.say(format!(
                "{at}.names is {names:?}; it must have {{n}} once, and else letters, digits, `-` and `_`, as in \"sku-{{n}}\""
            ));
        }
        if let Some(open) = &subject.open {
            self.open(&format!("{at}.open"), kind, open);
        }
    }

    fn open(&mut self, at: &str, kind: &str, open: &'a Open) {
        let parts = Parts {
            database: open.database.as_ref(),
            sql: open.sql.as_ref(),
            call: open.call.as_ref(),
            body: open.body.as_ref(),
            form: open.form.as_ref(),
            headers: &open.headers,
            ok: &open.ok,
            fail: &[],
            of_calls: Vec::new(),
        };
        let mut known = vec![kind.to_owned()];
        known.extend(self.set_up_answers());
        self.request(at, &parts, Some(&known));
    }
}
