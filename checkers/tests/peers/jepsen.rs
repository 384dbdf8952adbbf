//! Jepsen's `test.jepsen`. The one beside this file was written by Fressian's own library (org.fressian 0.6.6 in Java), with
//! the tags and the blocks of Jepsen 0.3: two chunks of three operations, a test map, an index.

use std::io::Cursor;

use paytwice_checkers::formats::{CutOff, Format, Reader};
use tempfile::TempDir;

use super::blocks::repair_blocks;
use super::{edn, write};

const FILE: &[u8] = include_bytes!("test.jepsen");

fn reader(bytes: &[u8]) -> Result<Reader, String> {
    let bytes = Cursor::new(bytes.to_vec());
    Reader::new(bytes, "h", Format::JepsenBinary).map_err(|error| error.to_string())
}

fn read(bytes: &[u8]) -> Result<Vec<String>, String> {
    edn(&mut reader(bytes)?)
}

/// Where the blocks are: the first chunk, the vector of chunks, the index.
const CHUNK: usize = 0x85;
const VECTOR: usize = 0x2df;
const INDEX: usize = 0x31b;

#[test]
fn a_file_of_blocks_is_its_operations() {
    let numbers = "1 -1 64 -4096 4095 524287 -524288 33554431 8589934592 2199023255552 562949953421312 9223372036854775807 \
                   -9223372036854775808";
    let text = "a text that is longer than seven bytes, \u{e9}\u{20ac}\u{1f600} and so on";
    assert_eq!(
        read(FILE).unwrap(),
        [
            ":time 3291485317, :process 0, :type :invoke, :f :txn, :value [[:append 253 1] [:r \"x\" nil]]".to_owned(),
            ":time 3296209422, :process :nemesis, :type :info, :f :start-partition, :value {:n1 #{\"n2\", :n2 #{".to_owned(),
            format!(
                ":time 3565403674, :process 0, :type :ok, :f :txn, :value [[:append 253 1] [:r \"x\" [{numbers}]]], :error \
                 [:io/timeout \"{text}\"], :node \"n1\""
            ),
            ":time 3767733708, :process 12, :type :invoke, :f :read, :value [5 nil]".to_owned(),
            ":time 3767733709, :process 12, :type :fail, :f :read, :value [5 [true false 0.0 1.0 1.5 2.5 \\c 18446744073709551616 \
             -3 1/3 [1 2] \"dead\"]]"
                .to_owned(),
            ":time 3767733710, :process 0, :type :info, :f :txn, :value nil, :error :crash".to_owned(),
        ]
    );
    assert_eq!(reader(FILE).unwrap().cut_off(), None);
}

#[test]
fn a_store_with_nothing_else_is_its_file_of_blocks() {
    let dir = TempDir::new().unwrap();
    let path = write(&dir, "test.jepsen", FILE);
    write(&dir, "history.txt", "0\t:invoke\t:read\tnil\n");
    for (path, format) in [
        (dir.path(), None),
        (dir.path(), Some(Format::JepsenStore)),
        (&*path, None),
        (&*write(&dir, "renamed", FILE), None),
    ] {
        let mut reader = Reader::open(path, format).unwrap();
        assert_eq!((reader.format(), reader.line()), (Format::JepsenBinary, 0));
        assert_eq!(edn(&mut reader).unwrap().len(), 6);
        assert_eq!(reader.line(), 6);
    }
}

#[test]
fn what_is_behind_the_last_index_is_cut_off() {
    let torn = [FILE, &[0; 28], b"the beginning of a chunk"].concat();
    let mut reader = reader(&torn).unwrap();
    assert_eq!(reader.cut_off(), None, "it has not come to the end");
    assert_eq!(edn(&mut reader).unwrap().len(), 6);
    assert_eq!(reader.cut_off(), Some(CutOff { line: 7, bytes: 52 }));
}

#[test]
fn a_run_that_wrote_no_chunk_has_no_operation() {
    // The history's block is the first one again, which holds nil.
    let mut bytes = FILE.to_vec();
    let entry = INDEX + 28 + 4;
    bytes[entry + 4..entry + 12].copy_from_slice(&18_u64.to_be_bytes());
    repair_blocks(&mut bytes);
    assert_eq!(read(&bytes).unwrap(), Vec::<String>::new());
}

#[test]
fn a_damaged_file_says_where() {
    let changed = |at: usize, byte: u8, sealed: bool| {
        let mut bytes = FILE.to_vec();
        bytes[at] = byte;
        if sealed {
            repair_blocks(&mut bytes);
        }
        read(&bytes).unwrap_err()
    };
    for (at, byte, sealed, message) in [
        (0, b'j', false, "h: is no test.jepsen"),
        (9, 2, false, "h: is in a later version of Jepsen's format"),
        (17, 0xff, false, "expected a block"),
        (
            CHUNK + 40,
            0,
            false,
            "h: byte 133: expected a block with its checksum, found another checksum",
        ),
        (VECTOR + 13, 2, true, "h: byte 763: expected a list, found 0x00"),
        (
            VECTOR + 13,
            9,
            true,
            "h: byte 735: expected a block of type [2, 4, 5], found one of type 9",
        ),
        (
            VECTOR + 28 + 19,
            9,
            true,
            "h: byte 10: expected an index with every block that is named, found none of 9",
        ),
        (
            VECTOR + 28 + 31,
            4,
            true,
            "h: byte 161: expected a chunk that is named once, found one that is named again",
        ),
        (
            CHUNK + 28,
            0xf1,
            true,
            "h: byte 161: expected a code of Fressian, found 0xf1",
        ),
        (
            CHUNK + 28,
            5,
            true,
            "expected a map with :process, :type, :f and :value",
        ),
        (0xe9, 0xbf, true, "h: byte 233: expected a code of Fressian, found 0xbf"),
        (
            0x153,
            0x9f,
            true,
            "h: byte 339: expected the number of a cached value without parts, found 0x9f",
        ),
        (0x200, 0xec, true, "h: byte 514: expected more bytes, found 0x31"),
    ] {
        let error = changed(at, byte, sealed);
        assert!(error.contains(message), "{at:#x}: {error}");
    }
    for length in 0..FILE.len() {
        assert!(read(&FILE[..length]).is_err(), "{length}");
    }
}

/// A file with one chunk, which holds `data`.
fn file_of(data: &[u8]) -> Vec<u8> {
    let mut bytes = FILE[..CHUNK].to_vec();
    let place = |bytes: &Vec<u8>| (bytes.len() as u64).to_be_bytes();
    bytes.extend((28 + data.len() as u64).to_be_bytes());
    bytes.extend(&FILE[CHUNK + 8..CHUNK + 28]);
    bytes.extend(data);
    let index = place(&bytes);
    bytes.extend((28_u64 + 4 + 24).to_be_bytes());
    bytes.extend(&FILE[INDEX + 8..INDEX + 32]);
    for (number, at) in [(1_u32, CHUNK as u64), (2, 0x2f)] {
        bytes.extend(number.to_be_bytes());
        bytes.extend(at.to_be_bytes());
    }
    bytes[10..18].copy_from_slice(&index);
    repair_blocks(&mut bytes);
    bytes
}

#[test]
fn values_nest_as_deep_as_they_do_elsewhere() {
    let map = |value: &[u8]| {
        // {:type :ok, :value ...}
        let head = b"\xc0\xe8\xca\xf7\xdetype\xca\xf7\xdcok\xca\xf7\xdfvalue";
        [&head[..], value].concat()
    };
    let list = |deep: usize| [vec![0xe5; deep], vec![0x05]].concat();
    let deepest = read(&file_of(&map(&list(255)))).unwrap();
    assert_eq!(
        deepest,
        [format!(":type :ok, :value {}5{}", "[".repeat(255), "]".repeat(255))]
    );
    let vector = [&b"\xef\xddvec\x01"[..], &[0xa0].repeat(300_000)].concat();
    let text = [&b"\xef\xdfkey\xc4\x80\x02"[..], &[0xca].repeat(300_000)].concat();
    for deep in [
        list(256),
        list(300_000),
        vector,
        text,
        vec![0xcd; 300_000],
        vec![0xcc; 300_000],
        vec![0xca; 300_000],
        vec![0xfe; 300_000],
        vec![0xc0; 300_000],
        vec![0xcf; 300_000],
    ] {
        let error = read(&file_of(&map(&deep))).unwrap_err();
        let said = [
            "nests less than 256 deep",
            "a list",
            "more bytes",
            "a code of Fressian",
            "a value without parts",
        ];
        assert!(said.iter().any(|said| error.contains(said)), "{error}");
    }
}
