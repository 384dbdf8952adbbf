//! The binary form: any history, ready to be checked at the speed of memory.
//!
//! JSON and EDN are for reading; a history that is checked more than once is converted once. Fixed-width records in
//! blocks, each with its checksum; every text stands in the file once and is a small number everywhere else, so that
//! a checker works on dense numbers without looking at a text.
//!
//! Version 1, little endian:
//!
//! | part | bytes | what |
//! | --- | --- | --- |
//! | file header | 32 | `paytwice`, version u32, 16 bytes of zeros, CRC-32 of these 28 bytes |
//! | block header | 64 | see below |
//! | records | 24 each | time u64, process cell u32, `f` (text) u32, value u32, kind u8, flags u8, 2 bytes of zeros |
//! | heap | 4 each | cells: what does not fit into a record |
//! | text ends | 4 each | where each new text ends in the text |
//! | text | | the new texts, padded to 4 bytes |
//! | shapes | 4 each | cells: per new shape the number of its keys, then the keys |
//!
//! A block header says `blck` or `fini`, how much of each part follows, how many records, texts and shapes came before
//! the block, the CRC-32 of the payload, and its own. The block `fini` has no payload; it says whether the history it
//! was made from was cut off. Without it the file is truncated, and is read up to its last whole block.
//!
//! A cell is a tag in the lower 4 bits and 28 bits of number: an integer, a text, a count. Longer numbers take two more
//! cells. A map whose keys are names is its shape and then its values, in the order of the shape's keys.
//!
//! What it keeps: everything that [`Op`](crate::ops::Op) holds, the order of a map's entries included. What it does not:
//! blanks, comments, whether an `f` was a keyword or a string.

mod cells;
mod read;
mod write;

pub use read::Binary;
pub use write::BinaryWriter;

/// What a file begins with.
pub(super) const MAGIC: &[u8; 8] = b"paytwice";
/// The version that is written, and the latest that is read.
pub const VERSION: u32 = 1;
