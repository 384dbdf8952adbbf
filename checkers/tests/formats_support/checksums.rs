//! The checksums of a binary file.

/// A number in little endian.
pub(crate) fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Makes the checksums of a binary file hold again, so that what is behind them is reached.
pub(crate) fn repair(bytes: &mut [u8]) {
    if bytes.len() < 32 {
        return;
    }
    let crc = crc32fast::hash(&bytes[..28]).to_le_bytes();
    bytes[28..32].copy_from_slice(&crc);
    let mut at = 32;
    while at + 64 <= bytes.len() {
        let [records, heap, texts, text, _, shapes] =
            [8, 12, 16, 20, 24, 28].map(|field| word(bytes, at + field) as usize);
        let length = 24 * records + 4 * heap + 4 * texts + text.next_multiple_of(4) + 4 * shapes;
        if length <= bytes.len() - at - 64 {
            let crc = crc32fast::hash(&bytes[at + 64..at + 64 + length]).to_le_bytes();
            bytes[at + 48..at + 52].copy_from_slice(&crc);
        }
        let crc = crc32fast::hash(&bytes[at..at + 60]).to_le_bytes();
        bytes[at + 60..at + 64].copy_from_slice(&crc);
        at += 64 + length;
    }
}
