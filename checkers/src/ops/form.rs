//! Forms: cursors over a tape, and what stands under them.
//!
//! A cursor is copied and not borrowed from: it reads a node, skips a whole subtree in one step, and never changes the
//! tape.

use super::tape::{Node, Sequence, Tag, Tape};

/// Reading.
impl Tape {
    /// The form; nil on an empty tape.
    pub fn root(&self) -> Ref<'_> {
        let at = u32::from(self.nodes.len() > 1);
        Ref { tape: self, at }
    }

    /// The form at a place that [`Ref::copy_tape`] has returned.
    pub(crate) fn at(&self, at: u32) -> Ref<'_> {
        let at = if (at as usize) < self.nodes.len() { at } else { 0 };
        Ref { tape: self, at }
    }

    /// A nil, for what is not there.
    pub fn nil(&self) -> Ref<'_> {
        Ref { tape: self, at: 0 }
    }
}

/// A cursor: one form on a tape.
#[derive(Clone, Copy)]
pub struct Ref<'a> {
    tape: &'a Tape,
    at: u32,
}

/// What stands under a cursor.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// `nil`, `null`.
    Nil,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Any other number, as its text: `12345678901234567890`, `1.10M`, `1/3`.
    Number(&'a str),
    /// `\a`.
    Char(char),
    /// `"..."`.
    String(&'a str),
    /// `:name`, without the colon.
    Keyword(&'a str),
    /// `name`.
    Symbol(&'a str),
    /// `#tag form`.
    Tagged(&'a str, Ref<'a>),
    /// A list, vector or set.
    Sequence(Sequence, Items<'a>),
    /// A map.
    Map(Entries<'a>),
}

impl<'a> Ref<'a> {
    /// What stands here.
    pub fn value(self) -> Value<'a> {
        let Node { tag, word } = self.node();
        match tag {
            Tag::Nil | Tag::Discard => Value::Nil,
            Tag::False => Value::Bool(false),
            Tag::True => Value::Bool(true),
            Tag::Int => Value::Int(word.cast_signed()),
            Tag::Float => Value::Float(f64::from_bits(word)),
            Tag::Number => Value::Number(self.text()),
            Tag::Char => Value::Char(u32::try_from(word).ok().and_then(char::from_u32).unwrap_or_default()),
            Tag::String => Value::String(self.text()),
            Tag::Keyword => Value::Keyword(self.text()),
            Tag::Symbol => Value::Symbol(self.text()),
            Tag::Tagged => {
                let (tag, form) = (self.offset(1), self.offset(2));
                Value::Tagged(tag.text(), form)
            }
            Tag::List => Value::Sequence(Sequence::List, self.children()),
            Tag::Vector => Value::Sequence(Sequence::Vector, self.children()),
            Tag::Set => Value::Sequence(Sequence::Set, self.children()),
            Tag::Map => Value::Map(Entries { items: self.children() }),
        }
    }

    /// True for nil.
    #[inline]
    pub fn is_nil(self) -> bool {
        self.node().tag == Tag::Nil
    }

    /// A whole number.
    #[inline]
    pub fn int(self) -> Option<i64> {
        let Node { tag, word } = self.node();
        (tag == Tag::Int).then_some(word.cast_signed())
    }

    /// A boolean.
    pub fn bool(self) -> Option<bool> {
        match self.node().tag {
            Tag::True => Some(true),
            Tag::False => Some(false),
            _ => None,
        }
    }

    /// A string.
    pub fn str(self) -> Option<&'a str> {
        (self.node().tag == Tag::String).then(|| self.text())
    }

    /// The text of a string, keyword or symbol: what is a keyword in EDN is a string in JSON.
    #[inline]
    pub fn name(self) -> Option<&'a str> {
        matches!(self.node().tag, Tag::String | Tag::Keyword | Tag::Symbol).then(|| self.text())
    }

    /// The items of a list, vector or set.
    #[inline]
    pub fn items(self) -> Option<Items<'a>> {
        matches!(self.node().tag, Tag::List | Tag::Vector | Tag::Set).then(|| self.children())
    }

    /// The two items of a pair.
    pub fn pair(self) -> Option<(Ref<'a>, Ref<'a>)> {
        let mut items = self.items().filter(|items| items.len() == 2)?;
        items.next().zip(items.next())
    }

    /// The entries of a map.
    pub fn entries(self) -> Option<Entries<'a>> {
        (self.node().tag == Tag::Map).then(|| Entries { items: self.children() })
    }

    /// The value of the first entry whose key has that name.
    pub fn get(self, name: &str) -> Option<Ref<'a>> {
        let found = self.entries()?.find(|(key, _)| key.name() == Some(name));
        found.map(|(_, value)| value)
    }

    /// Copies the whole tape over another, whose buffers are used again; returns where on it this form is.
    pub(crate) fn copy_tape(self, to: &mut Tape) -> u32 {
        to.copy_of(self.tape);
        self.at
    }

    /// Where on its tape it is.
    pub(crate) fn place(self) -> u32 {
        self.at
    }

    #[inline]
    fn node(self) -> Node {
        self.tape.nodes[self.at as usize]
    }

    fn offset(self, by: u32) -> Ref<'a> {
        Ref {
            tape: self.tape,
            at: self.at + by,
        }
    }

    #[inline]
    fn text(self) -> &'a str {
        let word = self.node().word;
        let (start, end) = ((word >> 32) as usize, (word & 0xffff_ffff) as usize);
        &self.tape.text[start..end]
    }

    #[inline]
    fn children(self) -> Items<'a> {
        Items {
            next: self.offset(1),
            left: (self.node().word >> 32) as usize,
        }
    }

    /// The node behind this form.
    #[inline]
    fn end(self) -> u32 {
        let Node { tag, word } = self.node();
        match tag {
            Tag::Tagged | Tag::List | Tag::Vector | Tag::Set | Tag::Map => (word & 0xffff_ffff) as u32,
            _ => self.at + 1,
        }
    }
}

impl std::fmt::Debug for Ref<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        super::write_edn(*self, &mut text);
        f.write_str(&text)
    }
}

/// Two forms that say the same. Sets and maps have no order; a list is another form than a vector.
impl PartialEq for Ref<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.value(), other.value()) {
            (Value::Nil, Value::Nil) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
            (Value::Char(a), Value::Char(b)) => a == b,
            (Value::Number(a), Value::Number(b))
            | (Value::String(a), Value::String(b))
            | (Value::Keyword(a), Value::Keyword(b))
            | (Value::Symbol(a), Value::Symbol(b)) => a == b,
            (Value::Tagged(a, x), Value::Tagged(b, y)) => a == b && x == y,
            (Value::Sequence(Sequence::Set, x), Value::Sequence(Sequence::Set, y)) => same_in_any_order(x, y),
            (Value::Sequence(a, x), Value::Sequence(b, y)) => a == b && x.eq(y),
            (Value::Map(x), Value::Map(y)) => same_in_any_order(x, y),
            _ => false,
        }
    }
}

/// Whether each of the first is among the second, and there are as many. A set holds nothing twice, nor a map a key.
fn same_in_any_order<T: PartialEq>(a: impl ExactSizeIterator<Item = T>, b: impl ExactSizeIterator<Item = T>) -> bool {
    let (a, mut b): (Vec<T>, Vec<T>) = (a.collect(), b.collect());
    let mut take = |item: &T| {
        let found = b.iter().position(|other| other == item);
        found.map(|at| b.swap_remove(at)).is_some()
    };
    a.iter().all(&mut take) && b.is_empty()
}

/// The forms in a list, vector or set.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    next: Ref<'a>,
    left: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Ref<'a>;

    #[inline]
    fn next(&mut self) -> Option<Ref<'a>> {
        self.left = self.left.checked_sub(1)?;
        let item = self.next;
        self.next.at = item.end();
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The keys and values of a map, in the order in which they stand there.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    items: Items<'a>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (Ref<'a>, Ref<'a>);

    #[inline]
    fn next(&mut self) -> Option<(Ref<'a>, Ref<'a>)> {
        self.items.next().zip(self.items.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.items.left / 2, Some(self.items.left / 2))
    }
}

impl ExactSizeIterator for Entries<'_> {}
