//! The tape: one parsed form as a flat array of nodes, as the scanners build it.
//!
//! A container's node says how many children it has and where they end; its children stand behind it, so that a
//! cursor skips a whole subtree in one step. Text is copied behind one another into one buffer. Both buffers are kept
//! when the tape is cleared. A form nests at most [`DEPTH_MAX`] deep, which is why code that walks it may recurse.

/// How deep a form may nest.
pub const DEPTH_MAX: usize = 256;

/// What a node is; of [`Tag::Discard`] no node is ever made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
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
pub(super) struct Node {
    pub(super) tag: Tag,
    pub(super) word: u64,
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
    pub(super) nodes: Vec<Node>,
    pub(super) text: String,
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

    /// Takes another's place, with buffers of its own.
    pub(super) fn copy_of(&mut self, other: &Tape) {
        self.nodes.clone_from(&other.nodes);
        self.text.clone_from(&other.text);
        self.open.clear();
    }

    /// What its buffers take, in bytes.
    pub(crate) fn room(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.text.capacity()
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
