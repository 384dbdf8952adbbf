//! The blocks of a `test.jepsen`.

/// Makes the checksums of the blocks hold again, so that what is behind them is reached.
pub(crate) fn repair_blocks(bytes: &mut [u8]) {
    let mut at = 18;
    while let Some(header) = bytes.get(at..at + 28) {
        let length = u64::from_be_bytes(header[..8].try_into().expect("eight bytes"));
        let Some(end) = usize::try_from(length).ok().and_then(|length| at.checked_add(length)) else {
            return;
        };
        if length < 28 || end > bytes.len() {
            return;
        }
        let header = [&bytes[at..at + 8], &[0; 4], &bytes[at + 12..at + 14], &[0; 14]].concat();
        let checksum = crc32fast::hash(&[&bytes[at + 28..end], &header].concat());
        bytes[at + 8..at + 12].copy_from_slice(&checksum.to_be_bytes());
        at = end;
    }
}
