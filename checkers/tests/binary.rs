//! The binary form, byte by byte: what every form takes, where blocks end, and what the reader says of files that no
//! writer writes.

mod formats_support {
    pub(super) mod checksums;
}

use std::io::Cursor;

use formats_support::checksums::{repair, word};
use paytwice_checkers::formats::binary::{Binary, BinaryWriter};
use paytwice_checkers::formats::{CutOff, Format, Reader};
use paytwice_checkers::ops::{Op, Sequence, Tape, write_op_edn};

/// Where the first block begins, and its payload.
const BLOCK: usize = 32;
const PAYLOAD: usize = BLOCK + 64;
/// Bytes of a record, and where its parts stand in it.
const RECORD: usize = 24;
const PROCESS: usize = 8;
const F: usize = 12;
const KIND: usize = 20;
/// How many cells and how many records fill a block.
const BLOCK_CELLS: usize = 1 << 20;
const BLOCK_RECORDS: usize = 1 << 16;

fn written(edn: &str) -> Vec<u8> {
    let mut reader = Reader::new(Cursor::new(edn.to_owned()), "h", Format::JepsenEdn).unwrap();
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    while let Some(op) = reader.next().unwrap() {
        writer.push(&op).unwrap();
    }
    writer.finish(None).unwrap()
}

fn read(bytes: Vec<u8>) -> Result<Vec<String>, String> {
    let mut binary = Binary::new(bytes, "h").map_err(|e| e.to_string())?;
    let mut lines = Vec::new();
    while let Some(op) = binary.next().map_err(|e| e.to_string())? {
        let mut line = String::new();
        write_op_edn(&op, &mut line);
        lines.push(line);
    }
    Ok(lines)
}

/// How many records, cells on the heap, texts, bytes of text, shapes and cells of shapes the block at `at` has.
fn counts(bytes: &[u8], at: usize) -> [u32; 6] {
    [8, 12, 16, 20, 24, 28].map(|field| word(bytes, at + field))
}

fn set(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

/// The file with the number at `at` made `value`, and its checksums right.
fn crafted(bytes: &[u8], at: usize, value: u32) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    set(&mut bytes, at, value);
    repair(&mut bytes);
    bytes
}

/// An operation whose value is so many nils: it takes one cell more.
fn nils(writer: &mut BinaryWriter<Vec<u8>>, count: usize) {
    let mut tape = Tape::default();
    tape.begin_map();
    tape.push_keyword("type");
    tape.push_keyword("ok");
    tape.push_keyword("value");
    tape.begin(Sequence::Vector);
    for _ in 0..count {
        tape.push_nil();
    }
    tape.end();
    tape.end();
    writer.push(&Op::of(&tape, 0).unwrap()).unwrap();
}

#[test]
fn every_form_takes_what_it_needs_and_comes_back() {
    let keys = |count: usize| (0..count).map(|n| format!(":k{n} 0")).collect::<Vec<_>>().join(", ");
    for (fields, heap, texts, shapes, shape_cells) in [
        // Within the record.
        (":value nil", 0, 0, 0, 0),
        (":value true", 0, 0, 0, 0),
        (":value \\x", 0, 0, 0, 0),
        (":value 5", 0, 0, 0, 0),
        (":value 134217727", 0, 0, 0, 0),
        (":value -134217728", 0, 0, 0, 0),
        (":value \"\"", 0, 0, 0, 0),
        (":value \"s\"", 0, 1, 0, 0),
        (":value :s", 0, 1, 0, 0),
        (":value s", 0, 1, 0, 0),
        (":value 1/3", 0, 1, 0, 0),
        (":value {}", 0, 0, 1, 1),
        (":value []", 0, 0, 0, 0),
        // On the heap.
        (":value 134217728", 3, 0, 0, 0),
        (":value -134217729", 3, 0, 0, 0),
        (":value 1.5", 3, 0, 0, 0),
        (":value [1]", 2, 0, 0, 0),
        (":value #{1 2}", 3, 0, 0, 0),
        (":value (1 (2))", 4, 0, 0, 0),
        (":value #t 1", 2, 1, 0, 0),
        (":value {:k 1}", 2, 1, 1, 2),
        (":value {\"k\" 1}", 2, 1, 1, 2),
        (":value {k 1}", 2, 1, 1, 2),
        (":value [{:k 1} {:k 2}]", 5, 1, 1, 2),
        (":value [{:k 1} {:k 2, :l 3} {\"k\" 4}]", 8, 2, 3, 7),
        (":value {1 2}", 3, 0, 0, 0),
        (":value {1 2, 3 4, 5 6}", 7, 0, 0, 0),
        (":value {:k 1, 2 3}", 5, 1, 0, 0),
        (&format!(":value {{{}}}", keys(64)), 65, 64, 1, 65),
        (&format!(":value {{{}}}", keys(65)), 131, 65, 0, 0),
        // Other fields.
        (":value 1, :error 2", 2, 0, 0, 0),
        (":value 1, :error 2, :key 3", 3, 0, 0, 0),
        (":value 1, :a 2", 4, 1, 0, 0),
        (":value 1, :a 2, :b 3", 6, 2, 0, 0),
        (":value 1, :a 2, :b 3, :c 4", 8, 3, 0, 0),
        (":value 1, 7 2, :b [3]", 7, 1, 0, 0),
    ] {
        for (head, more_heap, more_texts) in [
            ("{:index 0, :type :ok, ", 0, 0),
            ("{:index 0, :process 134217727, :type :ok, ", 0, 0),
            ("{:index 0, :process -134217728, :type :ok, ", 0, 0),
            ("{:index 0, :time 4294967301, :process :p, :type :fail, :f :f, ", 0, 2),
            ("{:index 1, :process 134217728, :type :invoke, :f :f, ", 4, 1),
            ("{:index 8589934592, :time 0, :process -134217729, :type :info, ", 4, 0),
        ] {
            let edn = format!("{head}{fields}}}");
            let bytes = written(&edn);
            // A value that is not alone is on the heap.
            let heap = heap + more_heap + u32::from(heap == 0 && more_heap > 0);
            let [records, found @ .., found_shapes, found_cells] = counts(&bytes, BLOCK);
            assert_eq!(
                (records, found[0], found[1]),
                (1, heap, texts + more_texts + 1),
                "{edn}"
            );
            assert_eq!((found_shapes, found_cells), (shapes, shape_cells), "{edn}");
            let text = found[2].next_multiple_of(4) + 4 * (found[1] + heap + shape_cells);
            assert_eq!(bytes.len(), PAYLOAD + RECORD + text as usize + 64, "{edn}");
            assert_eq!(read(bytes), Ok(vec![edn]));
        }
    }
}

#[test]
fn more_shapes_than_there_may_be_are_maps() {
    let maps: String = (0..4100).map(|n| format!("{{:k{n} 1}} ")).collect();
    let edn = format!("{{:index 0, :type :ok, :value [{}]}}", maps.trim_end());
    let bytes = written(&edn);
    assert_eq!(counts(&bytes, BLOCK)[4..], [4096, 2 * 4096]);
    assert_eq!(counts(&bytes, BLOCK)[1], 1 + 2 * 4096 + 3 * 4);
    assert!(read(bytes) == Ok(vec![edn]));
}

#[test]
fn a_block_ends_with_the_operation_that_fills_it() {
    for (cells, blocks) in [(BLOCK_CELLS - 1, &[2][..]), (BLOCK_CELLS, &[1, 1])] {
        let mut writer = BinaryWriter::new(Vec::new()).unwrap();
        nils(&mut writer, cells - 1);
        nils(&mut writer, 0);
        assert_eq!(records(&writer.finish(None).unwrap()), blocks);
    }
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    for _ in 0..BLOCK_RECORDS + 1 {
        nils(&mut writer, 0);
    }
    assert_eq!(records(&writer.finish(None).unwrap()), [BLOCK_RECORDS, 1]);
}

/// How many records each block has.
fn records(bytes: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = BLOCK;
    while bytes[at..].starts_with(b"blck") {
        let [records, heap, texts, text, _, shapes] = counts(bytes, at).map(|n| n as usize);
        found.push(records);
        at += 64 + RECORD * records + 4 * (heap + texts + shapes) + text.next_multiple_of(4);
    }
    assert_eq!(at + 64, bytes.len());
    found
}

/// Three operations, of which the second one fills its block: two blocks, each with texts and shapes of its own.
fn two_blocks() -> (Vec<u8>, [String; 2]) {
    let ends = [
        "{:index 0, :process :p, :type :ok, :f :f, :value [{:k \"\"} \"v\"]}",
        "{:index 2, :process :q, :type :ok, :f :g, :value [{:k \"\", :l \"w\"} \"v\" {:k 1}]}",
    ];
    let mut writer = BinaryWriter::new(Vec::new()).unwrap();
    for (n, edn) in ends.iter().enumerate() {
        if n == 1 {
            nils(&mut writer, BLOCK_CELLS);
        }
        let mut reader = Reader::new(edn.as_bytes(), "h", Format::JepsenEdn).unwrap();
        writer.push(&reader.next().unwrap().unwrap()).unwrap();
    }
    let cut = Some(CutOff { line: 4, bytes: 17 });
    (writer.finish(cut).unwrap(), ends.map(str::to_owned))
}

#[test]
fn what_stands_in_a_block_before_is_known_in_the_next() {
    let (bytes, ends) = two_blocks();
    let last = bytes.len() - 64;
    let mut binary = Binary::new(bytes.clone(), "h").unwrap();
    assert_eq!((binary.len(), binary.is_empty()), (3, false));
    assert_eq!(binary.cut_off(), Some(CutOff { line: 4, bytes: 17 }));
    assert_eq!(format!("{binary:?}"), "Binary(h, 2 blocks)");
    for expected in [Some(&ends[0]), None, Some(&ends[1])] {
        let op = binary.next().unwrap().unwrap();
        if let Some(expected) = expected {
            let mut line = String::new();
            write_op_edn(&op, &mut line);
            assert_eq!(&line, expected);
        }
    }
    assert!(binary.next().unwrap().is_none());
    // Where it is cut, that is said to the byte.
    let second = BLOCK + 64 + payload(&bytes, BLOCK);
    for (length, ops, from) in [
        (BLOCK, 0, BLOCK),
        (PAYLOAD + 5, 0, BLOCK),
        (second - 1, 0, BLOCK),
        (second, 2, second),
        (second + 63, 2, second),
        (last - 1, 2, second),
        (last, 3, last),
        (bytes.len() - 1, 3, last),
    ] {
        let binary = Binary::new(bytes[..length].to_vec(), "h").unwrap();
        let cut = CutOff {
            line: ops + 1,
            bytes: (length - from) as u64,
        };
        assert_eq!((binary.len(), binary.cut_off()), (ops, Some(cut)), "{length}");
        assert_eq!(binary.is_empty(), ops == 0);
    }
    let mut more = bytes;
    more.push(0);
    let end = last + 64;
    assert_eq!(
        read(more).unwrap_err(),
        format!("h: byte {end}: expected the end of the file, found more bytes")
    );
}

/// Bytes of the payload of the block at `at`.
fn payload(bytes: &[u8], at: usize) -> usize {
    let [records, heap, texts, text, _, shapes] = counts(bytes, at).map(|n| n as usize);
    RECORD * records + 4 * (heap + texts + shapes) + text.next_multiple_of(4)
}

const THREE: &str = "{:process :p, :type :ok, :f :f, :value 5}{:process :p, :type :ok, :f :f, :value [\"v\" {:k 1}]}{:process :p, :type :ok, :f :f, :value 5}";

#[test]
fn a_header_that_cannot_be_is_refused() {
    let whole = written(THREE);
    assert!(read(crafted(&whole, 24, 0)).is_ok());
    let other = "h: byte 32: expected a block that continues the one before, found another one";
    // Records, texts and shapes before the first block; the upper half of the first, too.
    for (field, value) in [(32, 1), (36, 1), (40, 1), (44, 1)] {
        assert_eq!(
            read(crafted(&whole, BLOCK + field, value)),
            Err(other.to_owned()),
            "{field}"
        );
    }
    // A block of nothing.
    let mut nothing = whole[..BLOCK].to_vec();
    nothing.extend_from_slice(b"blck");
    nothing.resize(BLOCK + 64, 0);
    repair(&mut nothing);
    assert_eq!(read(nothing), Err(other.to_owned()));
    let mut damaged = whole;
    damaged[PAYLOAD] ^= 1;
    assert_eq!(
        read(damaged).unwrap_err(),
        "h: byte 32: expected a block with its checksum, found another checksum"
    );
}

#[test]
fn a_record_that_cannot_be_is_refused() {
    let whole = written(THREE);
    let third = PAYLOAD + 2 * RECORD;
    let record = format!("h: byte {third}: expected a record with a type, a process and an f, found Record");
    let kind = word(&whole, third + KIND);
    for (field, value, message) in [
        (KIND, kind & !0xff | 4, &record[..]),
        (KIND, kind & !0xff | 255, &record),
        (F, 5, &record),
        (PROCESS, 5 << 4 | 8, &record),
        // A string is no process, and no text either.
        (PROCESS, 1 << 4 | 7, "expected a process, found Cell(23)"),
        // On the heap, which is not as long.
        (KIND, kind | 64 << 8, "expected a cell, found the end of the block"),
        // A process and an index of its own, where there is nothing.
        (KIND, kind | 4 << 8, "expected a cell, found the end of the block"),
        (KIND, kind | 2 << 8, "expected a cell, found the end of the block"),
    ] {
        let error = read(crafted(&whole, third + field, value)).unwrap_err();
        let place = format!("h: byte {third}: ");
        assert!(error.starts_with(&place) && error.contains(message), "{error}");
    }
    let mut kinds = Vec::new();
    for n in 0..4 {
        let read = read(crafted(&whole, third + KIND, kind & !0xff | n)).unwrap();
        kinds.push(read[2].split(' ').nth(5).unwrap().to_owned());
    }
    assert_eq!(kinds, [":invoke,", ":ok,", ":fail,", ":info,"]);
}

#[test]
fn a_text_or_a_shape_that_is_not_there_is_refused() {
    let whole = written(THREE);
    let [records, heap, texts, text, shapes, shape_cells] = counts(&whole, BLOCK).map(|n| n as usize);
    assert_eq!([records, heap, texts, text, shapes, shape_cells], [3, 4, 5, 4, 1, 2]);
    let heap = PAYLOAD + 3 * RECORD;
    let ends = heap + 4 * 4;
    let shape = ends + 4 * 5 + 4;
    for (at, value, message) in [
        (heap + 4, 5 << 4 | 7, "expected a text that is there, found text 5"),
        (
            heap + 4,
            ((1 << 28) - 1) << 4 | 7,
            "expected a text that is there, found text 268435455",
        ),
        (heap + 4, 0xd800 << 4 | 6, "expected a character, found Cell("),
        (heap + 8, 1 << 4 | 15, "expected a shape that is there, found shape 1"),
        (shape + 4, 5 << 4 | 8, "expected a key that is there, found text 5"),
        (shape, 0, "expected shapes as many as the block says, found others"),
        (shape, 2, "expected shapes as many as the block says, found others"),
        (BLOCK + 24, 0, "expected shapes as many as the block says, found others"),
        (BLOCK + 24, 2, "expected shapes as many as the block says, found others"),
        // The end of the last text lies behind all of them, or before its beginning.
        (ends + 16, 5, "expected a "),
        (ends + 16, 2, "expected a "),
    ] {
        let error = read(crafted(&whole, at, value)).unwrap_err();
        assert!(error.contains(message), "{at} {value}: {error}");
    }
    let ops = read(crafted(&whole, heap + 4, 4 << 4 | 8)).unwrap();
    assert_eq!(ops[1], "{:index 1, :process :p, :type :ok, :f :f, :value [:k {:k 1}]}");
}

#[test]
fn a_form_that_nests_too_deep_is_refused() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("#{", "}"),
        ("{1 ", "}"),
        ("{:k ", "}"),
        ("#f ", ""),
    ] {
        let (opens, closes) = (open.repeat(253), close.repeat(253));
        let edn = format!("{{:index 0, :type :ok, :value {opens}[{open}nil{close} nil]{closes}}}");
        let bytes = written(&edn);
        assert_eq!(read(bytes.clone()), Ok(vec![edn]));
        let end = PAYLOAD + RECORD + 4 * counts(&bytes, BLOCK)[1] as usize;
        // In the place of the vector and what is in it: three of the form, one within the other.
        let cells = if open == "{1 " {
            let form = word(&bytes, end - 16);
            vec![form, 0, form, 0, form]
        } else {
            let form = word(&bytes, end - 12);
            vec![form, form, form, 0]
        };
        let mut deep = bytes;
        for (n, cell) in cells.iter().rev().enumerate() {
            set(&mut deep, end - 4 * (n + 1), *cell);
        }
        repair(&mut deep);
        assert_eq!(
            read(deep).unwrap_err(),
            "h: byte 96: expected a form that nests less than 256 deep, found a deeper one",
            "{open}"
        );
    }
}
