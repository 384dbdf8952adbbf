//! Exactly-once crediting. Valid when every payment recorded as successful moved its account once, and nothing
//! else did.
//!
//! Compares, per payment, the rows recorded as successful with the credits that the digits of the balance show.
//! - `lost`: recorded as successful, credited less often than recorded.
//! - `double`: credited more often than recorded as successful.
//! - `ghost`: credited, but not recorded, or not as successful; or money that no payment explains.
//! - `late`: credited only by the compensation phase (unless the promise accepts that).
//! - `wrong-account`: missing on its account, while another gained exactly its amount without a delivery of its own.
//! - `wrong-amount`: missing on its account, which gained something that no payment explains; or recorded with
//!   another amount.
//! - `lost-write`: acknowledged as successful to its client, and not recorded.
//!
//! Sees: reads of rows and balances, deliveries on the wire (for the sentences, and to tell `wrong-account` from
//! a double and a lost credit). Cannot see: a credit undone before the final read, a wrong amount that happens to
//! be the sum of other payments' amounts, `base` credits of one payment (they look like one of the next).
//! O(payments) time and memory.

use std::collections::{HashMap, HashSet};

use crate::findings::Findings;
use crate::history::{QueryPath, ReadMoment};
use crate::ledger::{Account, Class, Id, Ledger, Opened, Owner, ReadState, Role, Unread};
use crate::verdict::CheckerResult;
use crate::words::{circumstances, payment, plural, story, times, witness};

/// Name of this checker.
pub const NAME: &str = "exactly-once";

/// The reads that prove a credit, or its absence.
const READS: [(ReadMoment, Role); 3] = [
    (ReadMoment::Initial, Role::Balances),
    (ReadMoment::Final, Role::Payments),
    (ReadMoment::Final, Role::Balances),
];

/// Judges every payment of a ledger.
pub fn check(ledger: &Ledger) -> CheckerResult {
    let mut findings = Findings::default();
    if let Some(why) = ledger.incomplete() {
        findings.doubt(why);
        return findings.result(NAME);
    }
    doubts(ledger, &mut findings);
    let mut off = Deviations::of(ledger);
    off.moved(ledger, &mut findings);
    off.mistaken(ledger, &mut findings);
    off.unexplained(ledger, &mut findings);
    off.report(ledger, &mut findings);
    for at in 0..ledger.payments.len() {
        late(ledger, at, &mut findings);
        unrecorded(ledger, at, &mut findings);
    }
    misrecorded(ledger, &mut findings);
    count(ledger, &mut findings);
    findings.result(NAME)
}

fn doubts(ledger: &Ledger, findings: &mut Findings) {
    if !ledger.has_acknowledged() {
        findings.doubt("no recharge ended ok: there is nothing to judge");
    }
    if let Some(why) = ledger.restless() {
        findings.doubt(why);
    }
    match ledger.read(ReadMoment::Initial, Role::Balances) {
        ReadState::Done(_) => unread(ledger, findings),
        ReadState::Failed(why) => findings.doubt(format!("the initial read of balances failed: {why}")),
        ReadState::Absent => findings.doubt("there is no initial read of balances"),
    }
    let compensated = ledger.queries.iter().any(|q| q.path == QueryPath::Compensate);
    let before = ledger.read_index(ReadMoment::BeforeCompensate, Role::Balances);
    if compensated && !ledger.promise.late_is_valid {
        if before.is_none() {
            findings.doubt("balances were not read before the compensation phase: late credits cannot be told");
        } else if let Some(why) = ledger.restless_before() {
            findings.doubt(format!("late credits cannot be told: {why}"));
        }
    }
}

/// Accounts whose credits cannot be read.
fn unread(ledger: &Ledger, findings: &mut Findings) {
    for (id, account) in (0..).zip(&ledger.accounts) {
        let expected = account.expected != Some(0);
        match account.unread {
            Some(Unread::NeverOpened) if !expected => {}
            Some(why) if !account.payments.is_empty() => {
                let name = ledger.account_name(id);
                findings.doubt(format!("the credits of account {name} cannot be read: {why}"));
            }
            _ => {}
        }
    }
}

/// Payments whose credits differ from their rows, until one of the reports takes them.
struct Deviations {
    /// Payment, and how many credits it misses.
    missing: Vec<(usize, u32)>,
    /// Payment, and how many credits it has too many.
    surplus: Vec<(usize, u32)>,
    /// Money on an account that no payment explains.
    residue: Vec<(Id, i128)>,
}

impl Deviations {
    fn of(ledger: &Ledger) -> Deviations {
        let mut off = Deviations {
            missing: Vec::new(),
            surplus: Vec::new(),
            residue: Vec::new(),
        };
        for (at, payment) in ledger.payments.iter().enumerate() {
            let Some(credited) = payment.credited else { continue };
            let recorded = payment.successes;
            let most = recorded + changed(ledger, at);
            if credited < recorded {
                off.missing.push((at, recorded - credited));
            } else if credited > most {
                off.surplus.push((at, credited - most));
            }
        }
        let accounts = (0..).zip(&ledger.accounts);
        off.residue = accounts
            .filter(|(_, a)| a.residue != 0)
            .map(|(id, a)| (id, a.residue))
            .collect();
        off
    }

    /// `wrong-account`: what is missing here turned up there.
    fn moved(&mut self, ledger: &Ledger, findings: &mut Findings) {
        let mut strays: HashMap<i128, Vec<usize>> = HashMap::new();
        for (slot, (at, _)) in self.surplus.iter().enumerate().rev() {
            let payment = &ledger.payments[*at];
            // Without deliveries on record, a lost and a double credit are likelier than one that went astray.
            if ledger.deliveries_seen > 0 && payment.delivered() <= payment.successes {
                strays.entry(payment.amount).or_default().push(slot);
            }
        }
        let mut found: HashMap<i128, Vec<usize>> = HashMap::new();
        for (slot, (_, residue)) in self.residue.iter().enumerate().rev() {
            found.entry(*residue).or_default().push(slot);
        }
        for (at, lacks) in self.missing.iter_mut().filter(|(_, lacks)| *lacks == 1) {
            let meant = &ledger.payments[*at];
            let slots = strays.get_mut(&meant.amount);
            let elsewhere = if let Some(slot) = slots.and_then(Vec::pop) {
                self.surplus[slot].1 -= 1;
                ledger.payments[self.surplus[slot].0].account
            } else if let Some(slot) = found.get_mut(&meant.amount).and_then(Vec::pop) {
                let (account, residue) = &mut self.residue[slot];
                if *account == meant.account {
                    continue;
                }
                *residue = 0;
                *account
            } else {
                continue;
            };
            *lacks = 0;
            let other = ledger.account_name(elsewhere);
            let sentence = format!(
                "{} was credited to account {other} instead: {}",
                payment(ledger, *at),
                story(ledger, *at)
            );
            let witness = witness(ledger, *at, &READS);
            findings.anomaly("wrong-account", ledger.tx(*at), sentence, witness);
        }
        self.sweep();
    }

    /// `wrong-amount`: something else came in its place.
    fn mistaken(&mut self, ledger: &Ledger, findings: &mut Findings) {
        if self.residue.is_empty() {
            return;
        }
        let mut lacking: HashMap<Id, Vec<usize>> = HashMap::new();
        for (slot, (at, _)) in self.missing.iter().enumerate() {
            lacking.entry(ledger.payments[*at].account).or_default().push(slot);
        }
        for (account, residue) in &mut self.residue {
            let mut slots = lacking.remove(account).unwrap_or_default();
            if slots.len() > 1 {
                slots.retain(|slot| ledger.payments[self.missing[*slot].0].delivered() > 0);
            }
            let [slot] = slots[..] else { continue };
            let at = self.missing[slot].0;
            let sentence = format!(
                "{} was credited with {} instead: {}",
                payment(ledger, at),
                ledger.money(*residue),
                story(ledger, at)
            );
            findings.anomaly("wrong-amount", ledger.tx(at), sentence, witness(ledger, at, &READS));
            self.missing[slot].1 = 0;
            *residue = 0;
        }
        self.sweep();
    }

    /// `ghost` money on an account.
    fn unexplained(&self, ledger: &Ledger, findings: &mut Findings) {
        for (account, residue) in &self.residue {
            let name = ledger.account_name(*account);
            let sentence = format!(
                "account {name} gained {} that no payment explains",
                ledger.money(*residue)
            );
            let reads = READS.iter().filter_map(|(at, role)| ledger.read_index(*at, *role));
            findings.anomaly("ghost", name, sentence, reads.collect());
        }
    }

    /// What is left: `lost`, `double`, `ghost`.
    fn report(&self, ledger: &Ledger, findings: &mut Findings) {
        let mut waiting = 0;
        for (at, _) in &self.missing {
            if is_settled(ledger, *at) {
                let sentence = lost(ledger, *at);
                findings.anomaly("lost", ledger.tx(*at), sentence, witness(ledger, *at, &READS));
            } else {
                waiting += 1;
            }
        }
        if waiting > 0 {
            findings.doubt(format!("{} not credited yet", plural(waiting, "payment")));
        }
        for (at, _) in &self.surplus {
            let kind = if ledger.payments[*at].successes == 0 {
                "ghost"
            } else {
                "double"
            };
            let sentence = surplus(ledger, *at);
            findings.anomaly(kind, ledger.tx(*at), sentence, witness(ledger, *at, &READS));
        }
    }

    fn sweep(&mut self) {
        self.missing.retain(|(_, lacks)| *lacks > 0);
        self.surplus.retain(|(_, many)| *many > 0);
        self.residue.retain(|(_, residue)| *residue != 0);
    }
}

/// Successful rows of a payment that carry another account or amount.
fn changed(ledger: &Ledger, at: usize) -> u32 {
    let rows = ledger.payments[at].rows.iter().map(|row| &ledger.rows[*row]);
    let changed = rows.filter(|row| row.owner == Owner::Changed(at) && row.class == Class::Success);
    u32::try_from(changed.count()).unwrap_or(u32::MAX)
}

/// Whether a credit that is missing had its chance: the target had come to rest.
fn is_settled(ledger: &Ledger, at: usize) -> bool {
    let payment = &ledger.payments[at];
    let missed_before = payment.credited_before.is_some_and(|c| c < payment.successes);
    let before = !ledger.promise.late_is_valid && ledger.restless_before().is_none() && missed_before;
    ledger.restless().is_none() || before
}

fn lost(ledger: &Ledger, at: usize) -> String {
    let what = &ledger.payments[at];
    let credited = match (what.credited.unwrap_or(0), what.successes) {
        (0, 1) => "was never credited".to_owned(),
        (credited, recorded) => format!(
            "was recorded {} as successful but credited {}",
            times(recorded),
            times(credited)
        ),
    };
    let listed = if what.listed > what.credited.unwrap_or(0) {
        "; the crediting service lists it as credited"
    } else {
        ""
    };
    format!("{} {credited}: {}{listed}", payment(ledger, at), story(ledger, at))
}

fn surplus(ledger: &Ledger, at: usize) -> String {
    let what = &ledger.payments[at];
    let credited = times(what.credited.unwrap_or(0));
    let first = what.rows.first().map(|row| &ledger.rows[*row]);
    let although = match (what.successes, first.map(|row| row.result)) {
        (1, _) => String::new(),
        (0, None) => " although it is not recorded".to_owned(),
        (0, Some(None)) => " although it is recorded without a result".to_owned(),
        (0, Some(Some(result))) => format!(" although it is recorded as {:?}", ledger.words.name(result)),
        (n, _) => format!(" although it is recorded {} as successful", times(n)),
    };
    let head = payment(ledger, at);
    format!("{head} was credited {credited}{although}: {}", story(ledger, at))
}

/// `late`: there in the end, but not at quiescence before the compensation phase.
fn late(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.payments[at];
    let (Some(before), Some(credited)) = (what.credited_before, what.credited) else {
        return;
    };
    if before >= what.successes || credited < what.successes {
        return;
    }
    findings.add("credited-by-query", u64::from(what.successes - before));
    if ledger.promise.late_is_valid || ledger.restless_before().is_some() {
        return;
    }
    let sentence = format!(
        "{} was credited only when its client asked for it in the compensation phase: {}",
        payment(ledger, at),
        circumstances(ledger, at)
    );
    let mut witness = witness(ledger, at, &READS);
    witness.extend(ledger.read_index(ReadMoment::BeforeCompensate, Role::Balances));
    findings.anomaly("late", ledger.tx(at), sentence, witness);
}

/// `lost-write`: the client was told that it succeeded, and no row says so.
fn unrecorded(ledger: &Ledger, at: usize, findings: &mut Findings) {
    let what = &ledger.payments[at];
    let Some(answer) = what.acknowledged().filter(|_| what.rows.is_empty()) else {
        return;
    };
    let result = answer.result.map_or("", |result| ledger.words.name(result));
    let sentence = format!(
        "{} was acknowledged as {result:?} but is not recorded: {}",
        payment(ledger, at),
        story(ledger, at)
    );
    findings.anomaly("lost-write", ledger.tx(at), sentence, witness(ledger, at, &READS));
}

/// Rows that carry another account or amount, where no deliberate conflict explains them.
fn misrecorded(ledger: &Ledger, findings: &mut Findings) {
    let conflicts: HashSet<Id> = ledger.conflicts.iter().map(|c| c.tx).collect();
    for row in &ledger.rows {
        let Owner::Changed(at) = row.owner else { continue };
        let meant = &ledger.payments[at];
        if conflicts.contains(&meant.tx) {
            continue;
        }
        let (kind, found) = if row.account == meant.account {
            ("wrong-amount", ledger.words.name(row.text).to_owned())
        } else {
            let name = ledger.account_name(row.account);
            (
                "wrong-account",
                format!("account {name}, {}", ledger.words.name(row.text)),
            )
        };
        let sentence = format!("{} was recorded with {found} instead", payment(ledger, at));
        findings.anomaly(kind, ledger.tx(at), sentence, witness(ledger, at, &READS));
    }
}

fn count(ledger: &Ledger, findings: &mut Findings) {
    let payments = &ledger.payments;
    let number = |test: &dyn Fn(&crate::ledger::Payment) -> bool| payments.iter().filter(|p| test(p)).count() as u64;
    findings.count("attempted", payments.len() as u64);
    findings.count("acknowledged", number(&|p| p.acknowledged().is_some()));
    findings.count("recorded", number(&|p| !p.rows.is_empty()));
    findings.count("successful", number(&|p| p.successes > 0));
    findings.count("delivered", number(&|p| p.delivered() > 0));
    findings.count("redelivered", number(&|p| p.delivered() > 1));
    findings.count("credited", number(&|p| p.credited.is_some_and(|c| c > 0)));
    findings.count("credits-unreadable", number(&|p| p.credited.is_none()));
    findings.add("credited-by-query", 0);
    let late = |a: &&Account| a.opened == Opened::Yes && a.at[ReadMoment::Initial as usize].is_none();
    findings.count(
        "accounts-opened-late",
        ledger.accounts.iter().filter(late).count() as u64,
    );
}
