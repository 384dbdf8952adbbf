//! The tape: one parsed form as a flat array of nodes, and the cursors over it.
//!
//! A container's node says how many children it has and where they end; its children stand behind it, so that a
//! cursor skips a whole subtree in one step. Text is copied behind one another into one buffer. Both buffers are kept
//! when the tape is cleared. A form nests at most [`DEPTH_MAX`] deep, which is why code that walks it may recurse.

/// How deep a form may nest.
pub const DEPTH_MAX: usize = 256;

/// What a node is; of [`Tag::Discard`] no node is ever made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Nil,
    False,
    True,
    Int,
    Float,
    Number,
    Char,
    String,
    Keyword,
    Symbol,
    Tagged,
    List,
    Vector,
    Set,
    Map,
    Discard,
}

/// One node: a leaf's word is its value or the place of its text, a container's the number of its children and its end.
#[derive(Clone, Copy, Debug)]
struct Node {
    tag: Tag,
    word: u64,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    tag: Tag,
    node: u32,
    children: u32,
    text: u32,
}

/// The containers with children of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sequence {
    /// `(...)`.
    List,
    /// `[...]`.
    Vector,
    /// `#{...}`.
    Set,
}

/// A form that cannot be put on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flaw {
    /// Where in the scanned bytes.
    pub at: usize,
    /// What should have stood there.
    pub expected: &'static str,
}

/// One parsed form.
#[derive(Clone, Debug)]
pub struct Tape {
    nodes: Vec<Node>,
    text: String,
    open: Vec<Open>,
}

impl Default for Tape {
    fn default() -> Tape {
        let mut tape = Tape {
            nodes: Vec::new(),
            text: String::new(),
            open: Vec::new(),
        };
        tape.clear();
        tape
    }
}

/// Building. The `bool` that the leaves and `end` return says whether the whole form is complete.
impl Tape {
    /// Empties it and keeps its buffers.
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.text.clear();
        self.open.clear();
        // Node 0 is a nil for whoever asks for what is not there; the root is node 1.
        self.nodes.push(Node { tag: Tag::Nil, word: 0 });
    }

    /// A nil.
    pub fn push_nil(&mut self) -> bool {
        self.leaf(Tag::Nil, 0)
    }

    /// A boolean.
    pub fn push_bool(&mut self, value: bool) -> bool {
        self.leaf(if value { Tag::True } else { Tag::False }, 0)
    }

    /// A whole number.
    pub fn push_int(&mut self, value: i64) -> bool {
        self.leaf(Tag::Int, value.cast_unsigned())
    }

    /// A number with a fraction or an exponent.
    pub fn push_float(&mut self, value: f64) -> bool {
        self.leaf(Tag::Float, value.to_bits())
    }

    /// A number that neither an `i64` nor an `f64` holds exactly, as its text.
    pub fn push_number(&mut self, text: &str) -> bool {
        self.text(Tag::Number, text)
    }

    /// A character.
    pub fn push_char(&mut self, value: char) -> bool {
        self.leaf(Tag::Char, u64::from(u32::from(value)))
    }

    /// A string.
    pub fn push_string(&mut self, text: &str) -> bool {
        self.text(Tag::String, text)
    }

    /// A keyword, without its colon.
    pub fn push_keyword(&mut self, text: &str) -> bool {
        self.text(Tag::Keyword, text)
    }

    /// A symbol.
    pub fn push_symbol(&mut self, text: &str) -> bool {
        self.text(Tag::Symbol, text)
    }

    /// Adds to the string that [`Tape::end_string`] will make; begins at the length that [`Tape::text_len`] says.
    pub(crate) fn add_text(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Adds one character likewise.
    pub(crate) fn add_char(&mut self, c: char) {
        self.text.push(c);
    }

    /// Length of the text so far.
    pub(crate) fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Makes a string of the text added since it was `start` long.
    pub(crate) fn end_string(&mut self, start: usize) -> bool {
        self.leaf(Tag::String, span(start, self.text.len()))
    }

    /// Begins a list, vector or set. Returns false when it nests too deep.
    pub fn begin(&mut self, sequence: Sequence) -> bool {
        self.push_open(match sequence {
            Sequence::List => Tag::List,
            Sequence::Vector => Tag::Vector,
            Sequence::Set => Tag::Set,
        })
    }

    /// Begins a map; its children are keys and values by turns. Returns false when it nests too deep.
    pub fn begin_map(&mut self) -> bool {
        self.push_open(Tag::Map)
    }

    /// Begins a tagged form, which ends by itself after the next form. Returns false when it nests too deep.
    pub fn begin_tagged(&mut self, tag: &str) -> bool {
        if !self.push_open(Tag::Tagged) {
            return false;
        }
        let start = self.text.len();
        self.text.push_str(tag);
        let word = span(start, self.text.len());
        self.nodes.push(Node { tag: Tag::Symbol, word });
        true
    }

    /// The next form will be thrown away. Returns false when it nests too deep.
    pub fn begin_discard(&mut self) -> bool {
        self.push_open(Tag::Discard)
    }

    /// Ends the innermost container, which must not be a tagged or discarded form.
    pub fn end(&mut self) -> bool {
        let Some(open) = self.open.pop() else { return true };
        let end = self.nodes.len() as u64;
        self.nodes[open.node as usize].word = u64::from(open.children) << 32 | end;
        self.complete()
    }

    /// What the innermost open form is.
    pub(crate) fn inside(&self) -> Inside {
        match self.open.last() {
            None => Inside::Nothing,
            Some(Open { tag: Tag::List, .. }) => Inside::Sequence(Sequence::List),
            Some(Open { tag: Tag::Vector, .. }) => Inside::Sequence(Sequence::Vector),
            Some(Open { tag: Tag::Set, .. }) => Inside::Sequence(Sequence::Set),
            Some(Open {
                tag: Tag::Map,
                children,
                ..
            }) => Inside::Map {
                at_value: children % 2 == 1,
            },
            Some(_) => Inside::Prefix,
        }
    }

    fn push_open(&mut self, tag: Tag) -> bool {
        if self.open.len() == DEPTH_MAX {
            return false;
        }
        self.open.push(Open {
            tag,
            node: small(self.nodes.len()),
            children: 0,
            text: small(self.text.len()),
        });
        if tag != Tag::Discard {
            self.nodes.push(Node { tag, word: 0 });
        }
        true
    }

    fn text(&mut self, tag: Tag, text: &str) -> bool {
        let start = self.text.len();
        self.text.push_str(text);
        self.leaf(tag, span(start, self.text.len()))
    }

    #[inline]
    fn leaf(&mut self, tag: Tag, word: u64) -> bool {
        self.nodes.push(Node { tag, word });
        self.complete()
    }

    /// A form is complete: so are the tags before it, and what it was to be discarded with goes.
    #[inline]
    fn complete(&mut self) -> bool {
        while let Some(open) = self.open.last_mut() {
            match open.tag {
                Tag::Tagged => {
                    self.nodes[open.node as usize].word = 1 << 32 | self.nodes.len() as u64;
                    self.open.pop();
                }
                Tag::Discard => {
                    self.nodes.truncate(open.node as usize);
                    self.text.truncate(open.text as usize);
                    self.open.pop();
                    return false;
                }
                _ => {
                    open.children += 1;
                    return false;
                }
            }
        }
        true
    }
}

/// What a tape's innermost open form is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    Nothing,
    Sequence(Sequence),
    Map {
        at_value: bool,
    },
    /// A tag or a discard: a form has to follow.
    Prefix,
}

/// The scanners bound a form to less than 4 GiB, so that places fit.
fn small(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn span(start: usize, end: usize) -> u64 {
    u64::from(small(start)) << 32 | u64::from(small(end))
}

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
        to.nodes.clone_from(&self.tape.nodes);
        to.text.clone_from(&self.tape.text);
        to.open.clear();
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

/// Two forms that say the same, in this order: a set or a map in another order is another form.
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
            (Value::Sequence(a, x), Value::Sequence(b, y)) => a == b && x.eq(y),
            (Value::Map(x), Value::Map(y)) => x.eq(y),
            _ => false,
        }
    }
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
