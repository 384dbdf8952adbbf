//! The pass over a history of payments: what is counted per text, per payment and per account.
//!
//! Texts are dense numbers, whoever made them: transaction numbers, accounts, amounts, results. O(1) per event.

use std::collections::{HashMap, HashSet};

use crate::history::{Body, Event, Header, Kind, Process, QueryPath, ReadMoment, Rows};
use crate::ledger::Role;
use crate::money::{self, Money};

use super::Odd;
use super::events::{Head, NONE, Recharge, RowSeen, Seen, Sink, Words, empty_read, is_compensation, odd};

/// Processes with smaller numbers have their state in an array.
const DENSE_PROCESSES: u64 = 1 << 22;
/// More numbers than a delivery names, but for a crafted one.
const FEW_NUMBERS: usize = 64;

/// What is known of a text. There are millions: what only few have stands in a [`Meaning`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Text {
    /// The payment whose client chose it.
    pub(super) payment: u32,
    /// The payment that was answered with it.
    pub(super) given: u32,
    /// Deliveries under it.
    pub(super) delivered: u32,
    meaning: u32,
}

const BLANK: Text = Text {
    payment: NONE,
    given: NONE,
    delivered: 0,
    meaning: NONE,
};

/// What a text is besides a transaction number.
#[derive(Clone, Copy, Debug)]
struct Meaning {
    account: u32,
    /// Its value in minor units, as a position in `values`: as a whole number of them, and as an amount in major units.
    minor: u32,
    major: u32,
    class: u8,
}

const MEANS_NOTHING: Meaning = Meaning {
    account: NONE,
    minor: NONE,
    major: NONE,
    class: 0,
};
const CLASS_SUCCESS: u8 = 1;
const CLASS_OTHER: u8 = 2;
const EARLIER: u8 = 128;

#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    /// A position in `values`.
    amount: u32,
    pub(super) tx: u32,
    pub(super) account: u32,
    pub(super) given: u32,
    pub(super) recorded: bool,
    pub(super) successful: bool,
    pub(super) ok: bool,
    pub(super) acknowledged: bool,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Account {
    pub(super) expected: i128,
    pub(super) at: [Option<i128>; 3],
    pub(super) opened: bool,
    /// Something about it has to be judged.
    pub(super) unsettled: bool,
}

/// What a client's process is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Open {
        f: F,
        what: u32,
    },
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum F {
    Recharge,
    QueryPay,
    QueryAccount,
    Compensate,
    Balance,
    OpenAccount,
}

/// The pass.
pub(super) struct Pass {
    header: Option<Header>,
    pub(super) texts: Vec<Text>,
    meanings: Vec<Meaning>,
    values: Vec<Option<i128>>,
    pub(super) payments: Vec<Payment>,
    pub(super) accounts: Vec<Account>,
    dense: Vec<State>,
    sparse: HashMap<u64, State>,
    events: u64,
    time: u64,
    deliveries_seen: u64,
    makes_numbers: bool,
    /// Whether payments were read at the end: what is attempted or told after that is odd.
    payments_read: bool,
    /// The reads that succeeded: by moment, then by role.
    pub(super) read: [[bool; 3]; 3],
    /// The read at hand.
    reading: Option<ReadMoment>,
    compensated: bool,
    /// The events about no account, in order.
    pub(super) globals: Vec<Event>,
}

impl Pass {
    pub(super) fn new() -> Pass {
        Pass {
            header: None,
            texts: Vec::new(),
            meanings: Vec::new(),
            values: Vec::new(),
            payments: Vec::new(),
            accounts: Vec::new(),
            dense: Vec::new(),
            sparse: HashMap::new(),
            events: 0,
            time: 0,
            deliveries_seen: 0,
            makes_numbers: false,
            payments_read: false,
            read: [[false; 3]; 3],
            reading: None,
            compensated: false,
            globals: Vec::new(),
        }
    }

    pub(super) fn header(&self) -> Option<Header> {
        self.header.clone()
    }

    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn deliveries_seen(&self) -> u64 {
        self.deliveries_seen
    }

    pub(super) fn makes_numbers(&self) -> bool {
        self.makes_numbers
    }

    /// An operation of a client, or something on the wire.
    #[inline]
    fn observe(&mut self, head: &Head, seen: &Seen, words: &impl Words) -> Result<(), Odd> {
        self.follow(head)?;
        match *seen {
            Seen::Delivery { .. } | Seen::Frame if head.process.is_some() => {
                return odd(head, "a client's process on the wire");
            }
            Seen::Delivery { tx, times } => self.delivered(tx, times),
            Seen::Frame => {}
            Seen::Recharge(said) => {
                if head.kind != Kind::Invoke {
                    // Where the lines' scanner has looked at it, it is not told again.
                    if said.amount != NONE && self.minor_value(said.amount, words).is_none() {
                        return odd(head, "an amount that is no whole number");
                    }
                    let (f, payment) = self.close(head)?;
                    return self.recharged(head, f, payment, &said, words);
                }
                let what = self.recharge(head, &said, words)?;
                self.open(head, F::Recharge, what)?;
            }
            Seen::Query { path, .. } => {
                let f = match path {
                    QueryPath::Pay => F::QueryPay,
                    QueryPath::Account => F::QueryAccount,
                    QueryPath::Compensate => F::Compensate,
                };
                self.plain(head, f, NONE)?;
            }
            Seen::Balance => {
                self.plain(head, F::Balance, NONE)?;
            }
            Seen::OpenAccount { account } => {
                let account = self.account(account);
                let opened = self.plain(head, F::OpenAccount, account)?;
                if let Some(account) = opened.filter(|_| head.kind == Kind::Ok) {
                    self.accounts[account as usize].opened = true;
                }
            }
        }
        Ok(())
    }

    /// Index and time, as every history owes them.
    #[inline]
    fn follow(&mut self, head: &Head) -> Result<(), Odd> {
        if head.index != self.events || head.time < self.time {
            return odd(head, "an index or a time out of order");
        }
        self.events += 1;
        self.time = head.time;
        Ok(())
    }

    fn state(&mut self, process: u64) -> &mut State {
        if process >= DENSE_PROCESSES {
            return self.sparse.entry(process).or_default();
        }
        let at = process as usize;
        if self.dense.len() <= at {
            self.dense.resize(at + 1, State::Idle);
        }
        &mut self.dense[at]
    }

    #[inline]
    fn open(&mut self, head: &Head, f: F, what: u32) -> Result<(), Odd> {
        let Some(process) = head.process else {
            return odd(head, "an operation of a named process");
        };
        let state = self.state(process);
        if *state != State::Idle {
            return odd(head, "an operation of a process that has one open, or is gone");
        }
        *state = State::Open { f, what };
        Ok(())
    }

    #[inline]
    fn close(&mut self, head: &Head) -> Result<(F, u32), Odd> {
        let Some(process) = head.process else {
            return odd(head, "an operation of a named process");
        };
        let state = self.state(process);
        let State::Open { f, what } = *state else {
            return odd(head, "the end of an operation that is not open");
        };
        *state = if head.kind == Kind::Info {
            State::Gone
        } else {
            State::Idle
        };
        Ok((f, what))
    }

    /// Begins or ends an operation of which only that matters; what it was begun with, where it ends.
    fn plain(&mut self, head: &Head, f: F, what: u32) -> Result<Option<u32>, Odd> {
        if head.kind == Kind::Invoke {
            return self.open(head, f, what).map(|()| None);
        }
        let (open, what) = self.close(head)?;
        if open != f {
            return odd(head, "the end of another operation than the one that is open");
        }
        Ok(Some(what))
    }

    fn account(&mut self, text: u32) -> u32 {
        let next = small(self.accounts.len());
        let known = &mut self.meaning(text).account;
        if *known != NONE {
            return *known;
        }
        *known = next;
        self.accounts.push(Account::default());
        next
    }

    /// The account that a text names; [`NONE`] where it never did.
    pub(super) fn account_of(&self, text: &Text) -> u32 {
        self.meanings
            .get(text.meaning as usize)
            .map_or(NONE, |meaning| meaning.account)
    }

    #[inline]
    fn meaning(&mut self, text: u32) -> &mut Meaning {
        let at = &mut self.texts[text as usize].meaning;
        if *at == NONE {
            *at = small(self.meanings.len());
            self.meanings.push(MEANS_NOTHING);
        }
        &mut self.meanings[*at as usize]
    }

    fn is_earlier(&self, text: &Text) -> bool {
        let meaning = self.meanings.get(text.meaning as usize);
        meaning.is_some_and(|meaning| meaning.class & EARLIER != 0)
    }

    fn recharge(&mut self, head: &Head, said: &Recharge, words: &impl Words) -> Result<u32, Odd> {
        let tx = said.tx;
        if self.payments_read {
            return odd(head, "a payment after the final read");
        }
        let amount = self.minor(said.amount, words);
        let Some(value) = self.values[amount as usize] else {
            return odd(head, "an amount that is no whole number");
        };
        let account = self.account(said.account);
        if said.conflict {
            self.accounts[account as usize].unsettled = true;
            return Ok(NONE);
        }
        let known = self.texts[tx as usize].payment;
        if known == NONE {
            let payment = small(self.payments.len());
            self.texts[tx as usize].payment = payment;
            self.payments.push(Payment {
                amount,
                tx,
                account,
                given: NONE,
                recorded: false,
                successful: false,
                ok: false,
                acknowledged: false,
            });
            return Ok(payment);
        }
        let payment = &self.payments[known as usize];
        if (payment.account, self.values[payment.amount as usize]) != (account, Some(value)) {
            return odd(head, "a payment that is tried again with another payload");
        }
        Ok(known)
    }

    fn recharged(&mut self, head: &Head, f: F, payment: u32, said: &Recharge, words: &impl Words) -> Result<(), Odd> {
        let Recharge { result, answer_tx, .. } = *said;
        if f != F::Recharge {
            return odd(head, "the end of another operation than the one that is open");
        }
        if payment == NONE {
            return Ok(()); // a conflict: its account is judged anyway
        }
        let success = result != NONE && self.class(result, words) == CLASS_SUCCESS;
        let known = &mut self.payments[payment as usize];
        known.ok |= head.kind == Kind::Ok;
        known.acknowledged |= head.kind == Kind::Ok && success;
        if answer_tx == NONE || answer_tx == known.tx || answer_tx == known.given {
            return Ok(());
        }
        if self.payments_read {
            return odd(head, "a number that is told after the final read");
        }
        let (account, first) = (known.account, known.given == NONE);
        known.given = answer_tx;
        let owner = &mut self.texts[answer_tx as usize].given;
        if *owner != NONE && *owner != payment {
            let other = self.payments[*owner as usize].account;
            self.accounts[other as usize].unsettled = true;
            self.accounts[account as usize].unsettled = true;
        }
        *owner = payment;
        if !first {
            self.accounts[account as usize].unsettled = true;
        }
        Ok(())
    }

    #[inline]
    fn delivered(&mut self, tx: &[u32], times: u32) {
        // The same message may be found by its key and by its body. A set would take longer than a look at a few.
        let mut named = (tx.len() > FEW_NUMBERS).then(HashSet::new);
        for (position, id) in tx.iter().enumerate() {
            let again = match &mut named {
                Some(named) => !named.insert(*id),
                None => tx[..position].contains(id),
            };
            if again {
                continue;
            }
            self.deliveries_seen += u64::from(times);
            let delivered = &mut self.texts[*id as usize].delivered;
            *delivered = delivered.saturating_add(times);
        }
    }

    fn recorded(&mut self, tx: u32, account: u32, amount: u32, result: u32, words: &impl Words) {
        let text = self.texts[tx as usize];
        if self.is_earlier(&text) {
            return;
        }
        let account = self.account(account);
        let success = result != NONE && self.class(result, words) == CLASS_SUCCESS;
        let owner = if text.payment == NONE { text.given } else { text.payment };
        let amount = self.major(amount, words);
        let amount = self.values[amount as usize];
        let row_account = &mut self.accounts[account as usize];
        let (Some(amount), true) = (amount, owner != NONE) else {
            row_account.unsettled = true;
            if owner != NONE {
                let meant = self.payments[owner as usize].account;
                self.accounts[meant as usize].unsettled = true;
            }
            return;
        };
        let payment = &mut self.payments[owner as usize];
        if (payment.account, self.values[payment.amount as usize]) != (account, Some(amount)) {
            row_account.unsettled = true;
            self.accounts[payment.account as usize].unsettled = true;
            return;
        }
        self.makes_numbers |= tx != payment.tx;
        payment.recorded = true;
        payment.successful |= success;
        if success {
            match row_account.expected.checked_add(amount) {
                Some(sum) => row_account.expected = sum,
                None => row_account.unsettled = true,
            }
        }
    }

    fn held(&mut self, account: u32, balance: u32, at: ReadMoment, words: &impl Words) {
        let account = self.account(account) as usize;
        let value = if balance == NONE {
            None
        } else {
            let balance = self.major(balance, words);
            self.values[balance as usize]
        };
        let account = &mut self.accounts[account];
        let held = &mut account.at[at as usize];
        account.unsettled |= value.is_none() || held.is_some();
        *held = value;
    }

    /// Where in `values` an amount in minor units is.
    fn minor(&mut self, id: u32, words: &impl Words) -> u32 {
        let known = self.meaning(id).minor;
        if known != NONE {
            return known;
        }
        let at = self.value(words.text(id).parse().ok());
        self.meaning(id).minor = at;
        at
    }

    #[inline]
    fn minor_value(&mut self, id: u32, words: &impl Words) -> Option<i128> {
        let at = self.minor(id, words);
        self.values[at as usize]
    }

    /// Where in `values` an amount in major units is; it has a value where it is exact.
    fn major(&mut self, id: u32, words: &impl Words) -> u32 {
        let known = self.meaning(id).major;
        if known != NONE {
            return known;
        }
        let scale = self.header.as_ref().map_or(0, |h| h.promise.scale);
        let at = self.value(match money::parse(words.text(id), scale) {
            Ok(Money::Exact(minor)) => Some(minor),
            _ => None,
        });
        self.meaning(id).major = at;
        at
    }

    fn value(&mut self, value: Option<i128>) -> u32 {
        self.values.push(value);
        small(self.values.len() - 1)
    }

    #[inline]
    fn class(&mut self, id: u32, words: &impl Words) -> u8 {
        let known = self.meaning(id).class & !EARLIER;
        if known != 0 {
            return known;
        }
        let success = self.header.as_ref().map_or(&[][..], |h| &h.promise.success[..]);
        let class = if success.iter().any(|s| s == words.text(id)) {
            CLASS_SUCCESS
        } else {
            CLASS_OTHER
        };
        self.meaning(id).class |= class;
        class
    }
}

impl Sink for Pass {
    #[inline]
    fn seen(
        &mut self,
        head: &Head,
        seen: &Seen,
        words: &impl Words,
        event: impl FnOnce() -> Result<Event, Odd>,
    ) -> Result<(), Odd> {
        self.observe(head, seen, words)?;
        // That there was a compensation phase at all matters to every account.
        if is_compensation(seen) && !std::mem::replace(&mut self.compensated, true) {
            self.globals.push(event()?);
        }
        Ok(())
    }

    fn read(&mut self, head: &Head, at: ReadMoment, role: Role) -> Result<(), Odd> {
        self.follow(head)?;
        let done = &mut self.read[at as usize][role as usize];
        if std::mem::replace(done, true) {
            return odd(head, "a read that was made before");
        }
        self.payments_read |= (at, role) == (ReadMoment::Final, Role::Payments);
        self.reading = Some(at);
        self.globals.push(empty_read(head, at, role));
        Ok(())
    }

    #[inline]
    fn row(&mut self, row: &RowSeen, words: &impl Words) {
        let Some(at) = self.reading else { return };
        match (*row, at) {
            (RowSeen::Payment { tx, .. }, ReadMoment::Initial) => self.meaning(tx).class |= EARLIER,
            (
                RowSeen::Payment {
                    tx,
                    account,
                    amount,
                    result,
                },
                ReadMoment::Final,
            ) => self.recorded(tx, account, amount, result, words),
            (RowSeen::Balance { account, balance }, _) => self.held(account, balance, at, words),
            (RowSeen::Payment { .. } | RowSeen::Credit { .. }, _) => {}
        }
    }

    fn event(&mut self, mut event: Event, head: &Head) -> Result<(), Odd> {
        match &mut event.body {
            Body::Header(header) if self.events == 0 => self.header = Some((**header).clone()),
            Body::Header(_) => return odd(head, "a second header"),
            Body::Read(read) if event.kind != Kind::Invoke => {
                // Reads that succeeded are read row by row, where they are as the harness writes them.
                if event.kind != Kind::Fail && event.error.is_none() {
                    return odd(head, "a read that is not as the harness writes it");
                }
                let role = match &read.rows {
                    Rows::Payments(_) => Role::Payments,
                    Rows::Balances(_) => Role::Balances,
                    Rows::Credits(_) => Role::Credits,
                };
                if self.read[read.at as usize][role as usize] {
                    return odd(head, "a failed read behind one that succeeded");
                }
            }
            Body::Other(f, _) if f == "read-failed" && self.read.iter().flatten().any(|done| *done) => {
                return odd(head, "a failed read behind others");
            }
            _ => {}
        }
        if matches!(event.process, Process::Client(_)) {
            return odd(head, "a client's process");
        }
        self.follow(head)?;
        self.globals.push(event);
        Ok(())
    }

    #[inline]
    fn know(&mut self, count: usize) {
        if self.texts.len() < count {
            self.texts.resize(count, BLANK);
        }
    }
}

pub(super) fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(NONE - 1)
}
