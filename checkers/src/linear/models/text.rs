//! A text: get, put, append, as the values of the key-value stores that porcupine's tests check.
//!
//! A state is a chain of pieces that shares its beginning with the states it came from: an append costs one piece,
//! however long the text is, and two texts are compared from their ends.
//!
//! Where the texts that gets found are known ([`Text::of_gets`]), every text that none of them begins with is one state:
//! no get will tell such texts apart, and only a put leads out of it. That leaves as many states as the found texts have
//! beginnings, however many appends of unknown outcome there are.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::linear::Model;

/// A text. `B` holds a piece: `String`, `Arc<str>`, `&[u8]`, ...
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<B> {
    /// What it is at first.
    pub initial: B,
    /// What gets found, where it is known.
    gets: Option<BTreeSet<Vec<u8>>>,
}

impl<B: AsRef<[u8]>> Text<B> {
    /// A text that gets may find to be anything.
    pub fn new(initial: B) -> Self {
        Self { initial, gets: None }
    }

    /// A text that every get of the history finds to be one of `gets`.
    pub fn of_gets<T: AsRef<[u8]>>(initial: B, gets: impl IntoIterator<Item = T>) -> Self {
        let gets = gets.into_iter().map(|text| text.as_ref().to_vec()).collect();
        Self {
            initial,
            gets: Some(gets),
        }
    }

    /// The state of a text.
    fn state(&self, mut text: Rope<B>) -> Rope<B> {
        let begins = |whole: &Vec<u8>, gets: &BTreeSet<Vec<u8>>| {
            let next = gets.range::<Vec<u8>, _>(whole..).next();
            next.is_some_and(|get| get.starts_with(whole))
        };
        if let Some(gets) = &self.gets {
            text.lost = text.lost || !begins(&text.to_vec(), gets);
        }
        text
    }
}

/// What is asked of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ask<B> {
    /// What is it?
    Get,
    /// Let it be this.
    Put(B),
    /// Let it end in this.
    Append(B),
}

/// What a text is.
#[derive(Clone, Debug)]
pub struct Rope<B> {
    len: usize,
    /// Polynomial in the bytes: the same for equal texts, however they were put together.
    hash: u64,
    tail: Option<Rc<Piece<B>>>,
    /// No text that a get found begins with it: it is the same state as all others of which this is true.
    lost: bool,
}

#[derive(Debug)]
struct Piece<B> {
    bytes: B,
    before: Option<Rc<Piece<B>>>,
}

/// Dropped piece by piece: a chain may be longer than the stack is deep.
impl<B> Drop for Piece<B> {
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut piece) = before.and_then(Rc::into_inner) {
            before = piece.before.take();
        }
    }
}

const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

impl<B: AsRef<[u8]>> Rope<B> {
    fn empty() -> Self {
        Self {
            len: 0,
            hash: 0,
            tail: None,
            lost: false,
        }
    }

    fn append(&self, bytes: B) -> Self {
        let added = bytes.as_ref();
        if added.is_empty() {
            return Self {
                tail: self.tail.clone(),
                ..*self
            };
        }
        let hash = |hash: u64, byte: &u8| hash.wrapping_mul(BASE).wrapping_add(u64::from(*byte) + 1);
        Self {
            len: self.len + added.len(),
            hash: added.iter().fold(self.hash, hash),
            tail: Some(Rc::new(Piece {
                bytes,
                before: self.tail.clone(),
            })),
            lost: self.lost,
        }
    }

    /// The pieces, the last one first.
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::successors(self.tail.as_deref(), |piece| piece.before.as_deref()).map(|piece| piece.bytes.as_ref())
    }

    /// True if the text is `whole`.
    fn is(&self, whole: &[u8]) -> bool {
        let strip = |rest: &mut &[u8], piece: &[u8]| {
            *rest = rest.strip_suffix(piece)?;
            Some(())
        };
        let mut rest = whole;
        self.len == whole.len() && self.pieces().all(|piece| strip(&mut rest, piece).is_some())
    }

    /// The text in one piece.
    fn to_vec(&self) -> Vec<u8> {
        let mut pieces: Vec<&[u8]> = self.pieces().collect();
        pieces.reverse();
        pieces.concat()
    }

    fn same(&self, other: &Self) -> bool {
        let (mut mine, mut theirs) = (self.tail.as_ref(), other.tail.as_ref());
        let (mut a, mut b): (&[u8], &[u8]) = (&[], &[]);
        loop {
            if a.is_empty() && b.is_empty() {
                match (mine, theirs) {
                    (Some(x), Some(y)) if Rc::ptr_eq(x, y) => return true,
                    (None, None) => return true,
                    _ => {}
                }
            }
            if a.is_empty() {
                let Some(piece) = mine else { return false };
                (a, mine) = (piece.bytes.as_ref(), piece.before.as_ref());
            }
            if b.is_empty() {
                let Some(piece) = theirs else { return false };
                (b, theirs) = (piece.bytes.as_ref(), piece.before.as_ref());
            }
            let n = a.len().min(b.len());
            if a[a.len() - n..] != b[b.len() - n..] {
                return false;
            }
            (a, b) = (&a[..a.len() - n], &b[..b.len() - n]);
        }
    }
}

impl<B: AsRef<[u8]>> std::fmt::Display for Rope<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_vec()))
    }
}

impl<B: AsRef<[u8]>> PartialEq for Rope<B> {
    fn eq(&self, other: &Self) -> bool {
        match (self.lost, other.lost) {
            (true, true) => true,
            (false, false) => self.len == other.len && self.hash == other.hash && self.same(other),
            _ => false,
        }
    }
}

impl<B: AsRef<[u8]>> Eq for Rope<B> {}

impl<B> Hash for Rope<B> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(if self.lost { u64::MAX } else { self.hash });
    }
}

impl<B: AsRef<[u8]> + Clone + Eq + Hash + Sync> Model for Text<B> {
    type State = Rope<B>;
    type Input = Ask<B>;
    /// What a get found; nothing for put and append.
    type Output = Option<B>;
    type Key = ();

    fn name(&self) -> &'static str {
        "kv"
    }

    fn init(&self) -> Rope<B> {
        self.state(Rope::empty().append(self.initial.clone()))
    }

    fn step(&self, state: &Rope<B>, input: &Ask<B>, output: Option<&Option<B>>) -> Option<Rope<B>> {
        match (input, output) {
            (Ask::Get, Some(Some(seen))) => (!state.lost && state.is(seen.as_ref())).then(|| state.clone()),
            (Ask::Get, _) => Some(state.clone()),
            (Ask::Put(bytes), _) => Some(self.state(Rope::empty().append(bytes.clone()))),
            (Ask::Append(_), _) if state.lost => Some(state.clone()),
            (Ask::Append(bytes), _) => Some(self.state(state.append(bytes.clone()))),
        }
    }

    fn is_read(&self, input: &Ask<B>, _output: Option<&Option<B>>) -> bool {
        matches!(input, Ask::Get)
    }

    fn observes(&self, _input: &Ask<B>, output: Option<&Option<B>>) -> bool {
        matches!(output, Some(Some(_)))
    }

    fn is_lost(&self, state: &Rope<B>) -> bool {
        state.lost
    }

    fn heap_bytes(&self, _state: &Rope<B>) -> usize {
        size_of::<Piece<B>>() + 2 * size_of::<usize>()
    }

    fn describe(&self, input: &Ask<B>, output: Option<&Option<B>>) -> String {
        match (input, output) {
            (Ask::Get, Some(Some(seen))) => format!("get -> {}", quoted(seen.as_ref())),
            (Ask::Get, _) => "get".to_owned(),
            (Ask::Put(bytes), _) => format!("put {}", quoted(bytes.as_ref())),
            (Ask::Append(bytes), _) => format!("append {}", quoted(bytes.as_ref())),
        }
    }

    fn describe_state(&self, state: &Rope<B>) -> String {
        let text = quoted(&state.to_vec());
        match state.lost {
            true => format!("{text} (or another text that no get found)"),
            false => text,
        }
    }
}

/// A text in quotes; of a long one, the end.
fn quoted(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 48;
    let from = bytes.len().saturating_sub(SHOWN_MAX);
    let more = if from > 0 { "..." } else { "" };
    format!("\"{more}{}\"", String::from_utf8_lossy(&bytes[from..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_equal_however_they_were_put_together() {
        let put = |pieces: &[&'static str]| pieces.iter().fold(Rope::empty(), |text, piece| text.append(*piece));
        let whole = put(&["abcdef"]);
        for pieces in [&["a", "bc", "def"][..], &["abc", "", "de", "f"], &["", "abcdef"]] {
            assert!(put(pieces) == whole && put(pieces).is(b"abcdef"));
        }
        assert!(put(&["abc", "dex"]) != whole && put(&["abcde"]) != whole);
        assert!(!put(&["abc", "dex"]).is(b"abcdef") && !whole.is(b"xabcdef"));
    }

    #[test]
    fn texts_with_the_same_hash_are_told_apart() {
        // The sequence of Thue and Morse and its opposite: no base tells them apart in 64 bits.
        let sequence = |odd: u8, even: u8| -> String {
            let letter = |n: u32| if n.count_ones() % 2 == 1 { odd } else { even };
            (0..2048).map(|n| char::from(letter(n))).collect()
        };
        let [one, other] = [sequence(b'a', b'b'), sequence(b'b', b'a')].map(|text| Rope::empty().append(text));
        assert_eq!((one.len, one.hash), (other.len, other.hash));
        assert!(one != other);
        let prefixed = |first: &str| Rope::empty().append(first.to_owned()).append("b".to_owned());
        assert!(prefixed("a") != prefixed("\0") && prefixed("a") == prefixed("a"));
    }

    #[test]
    fn a_long_chain_is_dropped_without_overflow() {
        let long = (0..1_000_000).fold(Rope::empty(), |text, _| text.append("x"));
        assert_eq!(long.to_vec().len(), 1_000_000);
    }
}
