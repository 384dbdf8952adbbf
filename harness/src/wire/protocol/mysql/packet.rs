//! Packets: where one ends, and the numbers that stand in them.
//!
//! A packet is 3 bytes of length, 1 byte of sequence number, the payload; one of the full length is continued by the
//! next. Never: looks at more of a packet than its beginning, or waits for what it does not look at.

/// Length and sequence number.
pub(super) const HEADER_BYTES: usize = 4;
/// A packet of this length is continued by the next one.
pub(super) const PACKET_BYTES_MAX: usize = 0xff_ffff;

/// The bytes are no packets of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// The beginning of a packet, its continuations being part of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    /// The payload's first bytes, as many as were asked for or all of it.
    pub(super) bytes: &'a [u8],
    /// Length of the payload, or the full length where it is continued.
    pub(super) length: usize,
}

impl Head<'_> {
    /// The byte that tells what it is.
    pub(super) fn first(&self) -> Result<u8, Broken> {
        self.bytes.first().copied().ok_or(Broken)
    }

    /// True when all of it was looked at.
    pub(super) fn is_whole(&self) -> bool {
        self.bytes.len() == self.length && !self.is_continued()
    }

    /// True when more packets belong to it.
    pub(super) fn is_continued(&self) -> bool {
        self.length == PACKET_BYTES_MAX
    }
}

/// What a look at the next packet brought.
pub(super) enum Next<'a> {
    /// More bytes are needed.
    More,
    /// A packet begins.
    Begins(Head<'a>, u8),
    /// Nothing is left of the packet before.
    Between,
}

/// Follows the packets of one way, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    /// Bytes at the front of the buffer that belong to the frame under way.
    pub(super) scanned: usize,
    /// Bytes of the packet under way that have not come yet.
    left: usize,
    /// The packet under way is continued by the next.
    continued: bool,
    /// What the next sequence number must be, where that is known.
    pub(super) sequence: Option<u8>,
    /// Pieces of the frame under way have gone on.
    pub(super) in_pieces: bool,
}

impl Cutter {
    /// Takes what there is of the packet under way.
    pub(super) fn skip(&mut self, buffer: &[u8]) -> Result<Next<'static>, Broken> {
        loop {
            let taken = self.left.min(buffer.len() - self.scanned);
            self.scanned += taken;
            self.left -= taken;
            if self.left > 0 {
                return Ok(Next::More);
            }
            if !self.continued {
                return Ok(Next::Between);
            }
            let Some((length, sequence)) = header(&buffer[self.scanned..]) else {
                return Ok(Next::More);
            };
            if self.sequence.is_some_and(|expected| expected != sequence) {
                return Err(Broken);
            }
            self.enter(length, sequence);
        }
    }

    /// The packet that begins where the last one ended; `wanted` bytes of it must be there. With `errors` a packet that
    /// reports an error may come out of its turn.
    pub(super) fn next<'a>(&self, buffer: &'a [u8], wanted: usize, errors: bool) -> Result<Next<'a>, Broken> {
        let rest = &buffer[self.scanned..];
        let Some((length, sequence)) = header(rest) else {
            return Ok(Next::More);
        };
        if self.sequence.is_some_and(|expected| expected != sequence) {
            match rest.get(HEADER_BYTES) {
                _ if !errors || length == 0 => return Err(Broken),
                None => return Ok(Next::More),
                Some(0xff) => {}
                Some(_) => return Err(Broken),
            }
        }
        Ok(match rest.get(HEADER_BYTES..HEADER_BYTES + length.min(wanted)) {
            Some(bytes) => Next::Begins(Head { bytes, length }, sequence),
            None => Next::More,
        })
    }

    /// True between two frames.
    pub(super) fn is_fresh(&self) -> bool {
        self.scanned == 0 && self.left == 0 && !self.continued && !self.in_pieces
    }

    /// Goes into a packet of this length.
    pub(super) fn enter(&mut self, length: usize, sequence: u8) {
        self.scanned += HEADER_BYTES;
        self.left = length;
        self.continued = length == PACKET_BYTES_MAX;
        self.sequence = Some(sequence.wrapping_add(1));
    }
}

fn header(bytes: &[u8]) -> Option<(usize, u8)> {
    let [l0, l1, l2, sequence] = *bytes.first_chunk::<HEADER_BYTES>()?;
    Some((u32::from_le_bytes([l0, l1, l2, 0]) as usize, sequence))
}

/// One whole packet. The payload must be shorter than the full length.
pub(super) fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
    debug_assert!(payload.len() < PACKET_BYTES_MAX);
    let mut out = (payload.len() as u32).to_le_bytes().to_vec();
    out[3] = sequence;
    out.extend_from_slice(payload);
    out
}

/// Reads from the front of a payload; None where it ends too early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(front)
    }

    /// A number of so many bytes, at most 8.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        let mut whole = [0; 8];
        whole.get_mut(..bytes)?.copy_from_slice(self.take(bytes)?);
        Some(u64::from_le_bytes(whole))
    }

    /// A length-encoded number.
    pub(super) fn length(&mut self) -> Option<u64> {
        match self.number(1)? {
            0xfc => self.number(2),
            0xfd => self.number(3),
            0xfe => self.number(8),
            0xfb | 0xff => None,
            small => Some(small),
        }
    }

    /// A length-encoded text.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let bytes = self.length()?;
        self.take(usize::try_from(bytes).ok()?)
    }

    /// A text that ends with a zero byte.
    pub(super) fn zero_ended(&mut self) -> Option<&'a [u8]> {
        let bytes = self.0.iter().position(|byte| *byte == 0)?;
        let text = self.take(bytes)?;
        self.take(1)?;
        Some(text)
    }
}
