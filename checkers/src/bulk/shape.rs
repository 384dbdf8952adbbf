//! The shapes of lines: what lines of a kind have in common, learned from the first of them.
//!
//! Most lines of a history differ from an earlier one in their numbers and texts only. So they are compared with it
//! between these, and none of their keys is looked at. A shape is learned from a line that the scanner of
//! [`line`](super::line) has taken, and must never take one that the scanner would not take, or take it otherwise.

use crate::history::Kind;

use super::events::Head;
use super::found::{Found, Said, What};
use super::line::{Line, Place, Slot, begin};
use super::tokens;

/// How many shapes are learned; lines of further ones are scanned key by key.
const SHAPES_MAX: usize = 32;

/// How much is compared at once.
const STEP_BYTES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    /// These bytes, under the mask.
    Same {
        bytes: u128,
        mask: u128,
        length: usize,
    },
    Slot(Slot),
}

/// What a line is like behind its index and its time, its end included.
#[derive(Debug)]
struct Shape {
    steps: Vec<Step>,
    kind: Kind,
    what: What,
    /// Which shape came behind it the last time.
    next: usize,
}

impl Shape {
    /// `places` are those of the line's slots, `from` is where its process stands.
    fn of(line: &[u8], from: usize, places: &[Place], kind: Kind, what: What) -> Shape {
        let mut steps = Vec::new();
        let mut at = from;
        for place in places {
            push_same(&mut steps, &line[at..place.start]);
            steps.push(Step::Slot(place.slot));
            at = place.end;
        }
        push_same(&mut steps, &line[at..]);
        Shape {
            steps,
            kind,
            what,
            next: 0,
        }
    }

    /// What a line that begins with `rest` behind its index and time says, and what stands behind it.
    #[inline]
    fn read<'a>(&self, mut rest: &'a [u8]) -> Option<(Said<'a>, &'a [u8])> {
        let mut said = Said::default();
        for step in &self.steps {
            match *step {
                Step::Same { bytes, mask, length } => {
                    let found = u128::from_le_bytes(*rest.first_chunk::<STEP_BYTES>()?);
                    if (found ^ bytes) & mask != 0 {
                        return None;
                    }
                    rest = &rest[length..];
                }
                Step::Slot(Slot::Text(name)) => {
                    let (text, behind) = rest.split_at(tokens::plain(rest));
                    said.put(name, text);
                    rest = behind;
                }
                Step::Slot(Slot::Number(max)) => {
                    let (value, behind) = tokens::number(rest)?;
                    if value > max {
                        return None;
                    }
                    rest = behind;
                }
                Step::Slot(Slot::Process) => {
                    let (process, behind) = tokens::number(rest)?;
                    said.process = Some(process);
                    rest = behind;
                }
            }
        }
        Some((said, rest))
    }
}

fn push_same(steps: &mut Vec<Step>, bytes: &[u8]) {
    for part in bytes.chunks(STEP_BYTES) {
        let (mut same, mut mask) = ([0; STEP_BYTES], [0; STEP_BYTES]);
        same[..part.len()].copy_from_slice(part);
        mask[..part.len()].fill(0xff);
        steps.push(Step::Same {
            bytes: u128::from_le_bytes(same),
            mask: u128::from_le_bytes(mask),
            length: part.len(),
        });
    }
}

/// The shapes that have been learned.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    /// The shape of the line before.
    last: usize,
    places: Vec<Place>,
}

impl Shapes {
    /// What was found in the line that begins `lines`, a part of the bytes of a batch, and what stands behind it; None
    /// where its shape is not known.
    #[inline]
    pub(super) fn known<'a>(&mut self, lines: &'a [u8], bytes: &[u8]) -> Option<(Found, &'a [u8])> {
        let (index, time, rest) = begin(lines)?;
        let likely = self.shapes.get(self.last)?.next;
        let others = (0..self.shapes.len()).filter(|at| *at != likely);
        for at in std::iter::once(likely).chain(others) {
            let shape = &self.shapes[at];
            let Some((said, behind)) = shape.read(rest) else {
                continue;
            };
            let head = Head {
                index,
                time,
                process: said.process,
                kind: shape.kind,
            };
            let line = without_end(&lines[..lines.len() - behind.len()]);
            let found = said.found(shape.what, head, line, bytes)?;
            self.shapes[self.last].next = at;
            self.last = at;
            return Some((found, behind));
        }
        None
    }

    /// What was found in a line, its end included, whose shape is not known; the shape is, from now on.
    pub(super) fn learn(&mut self, line: &[u8], bytes: &[u8]) -> Option<Found> {
        self.places.clear();
        let content = without_end(line);
        let (head, what, said) = Line::new(content, &mut self.places).scan()?;
        let found = said.found(what, head, content, bytes)?;
        let (.., rest) = begin(content)?;
        if self.shapes.len() < SHAPES_MAX {
            let from = content.len() - rest.len();
            self.add(Shape::of(line, from, &self.places, head.kind, what));
        }
        Some(found)
    }

    /// Adds a shape, unless it is there: a line that ends where its bytes end is not compared.
    fn add(&mut self, shape: Shape) {
        let known = self.shapes.iter().position(|known| known.steps == shape.steps);
        self.last = known.unwrap_or(self.shapes.len());
        if known.is_none() {
            self.shapes.push(shape);
        }
    }
}

/// A line without its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::{Index, subsequence};

    const RECHARGE: &[&str] = &[
        r#""tx":"t-TEXT""#,
        r#""account":"a-TEXT""#,
        r#""amount":"NUMBER""#,
        r#""attempt":NUMBER"#,
        r#""k":NUMBER"#,
        r#""status":200"#,
        r#""conflict":true"#,
        r#""answer_tx":"t-TEXT""#,
        r#""result":"success""#,
    ];
    /// Lines with the keys they owe, and more or less of the others, in any order.
    fn line() -> impl Strategy<Value = String> {
        let body = ("[0-9]{1,3}", prop_oneof!["invoke", "ok", "info"]).prop_flat_map(|(process, kind)| {
            let head = format!(r#""process":{process},"type":"{kind}","f":"recharge","value":"#);
            value(RECHARGE).prop_map(move |value| format!("{head}{value}"))
        });
        let error = prop_oneof![Just(""), Just(r#","error":"timeout TEXT""#)];
        let end = prop_oneof![4 => Just("}\n"), 1 => Just("}\r\n")];
        (body, error, end)
            .prop_map(|(body, error, end)| format!(r#"{{"index":NUMBER,"time":NUMBER,{body}{error}{end}"#))
    }

    fn value(keys: &'static [&'static str]) -> impl Strategy<Value = String> {
        let some = subsequence(keys, 4..=keys.len()).prop_shuffle();
        some.prop_map(|keys| format!("{{{}}}", keys.join(",")))
    }

    fn fill(line: &str, number: u64, text: &str) -> String {
        line.replace("NUMBER", &number.to_string()).replace("TEXT", text)
    }

    fn afresh(line: &str) -> Option<Found> {
        Shapes::default().learn(line.as_bytes(), line.as_bytes())
    }

    #[test]
    fn a_shape_is_learned_once() {
        let mut shapes = Shapes::default();
        for number in 0..100 {
            let line =
                r#"{"index":NUMBER,"time":NUMBER,"process":7,"type":"ok","f":"balance","value":{"account":"TEXT"}}"#;
            let line = fill(line, number, "a") + "\n";
            assert!(
                shapes.known(line.as_bytes(), line.as_bytes()).is_none(),
                "nothing stands behind it"
            );
            assert!(shapes.learn(line.as_bytes(), line.as_bytes()).is_some());
        }
        assert_eq!(shapes.shapes.len(), 1);
    }

    #[test]
    fn so_many_shapes_are_learned_and_no_more() {
        let mut shapes = Shapes::default();
        for nth in 0..2 * SHAPES_MAX {
            let link = "x".repeat(nth);
            let head = r#""process":"PROCESS","type":"ok","f":"balance","value":{"account":"a"}"#;
            let line = format!("{{\"index\":1,\"time\":1,{}}}\n", head.replace("PROCESS", &link));
            assert!(shapes.learn(line.as_bytes(), line.as_bytes()).is_some());
        }
        assert_eq!(shapes.shapes.len(), SHAPES_MAX);
    }

    proptest! {
        #[test]
        fn a_known_shape_says_what_a_look_at_every_key_says(
            lines in proptest::collection::vec(line(), 1..5),
            read in proptest::collection::vec((any::<Index>(), 0..1_u64 << 40, "[ -~]{0,20}"), 1..10),
            wrong in proptest::option::of((any::<Index>(), any::<u8>())),
        ) {
            let mut shapes = Shapes::default();
            for line in &lines {
                let line = fill(line, 1, "x");
                shapes.learn(line.as_bytes(), line.as_bytes());
            }
            for (which, number, text) in read {
                let template: &String = which.get(&lines);
                let mut bytes = fill(template, number, &text).into_bytes();
                if let Some((at, byte)) = wrong {
                    let at = at.index(bytes.len());
                    bytes[at] = byte;
                }
                let Ok(line) = String::from_utf8(bytes) else { continue };
                let with_more = line.clone() + "and what stands behind it";
                let known = shapes.known(with_more.as_bytes(), with_more.as_bytes());
                if let Some((found, behind)) = known {
                    prop_assert_eq!(behind, b"and what stands behind it");
                    prop_assert_eq!(Some(found), afresh(&line));
                }
                let is_as_learned = wrong.is_none() && !text.contains(['"', '\\']);
                if is_as_learned && afresh(&fill(template, 1, "x")).is_some() {
                    prop_assert_eq!(known.is_some(), afresh(&line).is_some());
                }
            }
        }
    }
}
