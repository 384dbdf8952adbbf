//! The handshake: what the server offers, what the client takes, and what is withheld so that frames stay readable.
//!
//! Compression is taken out of the greeting, and encryption where the link does not end it. Never: keeps user names
//! or credentials.

use super::charset::Charset;
use super::packet::{HEADER_BYTES, Reader};

/// Capabilities, the longest packet, the character set, and 23 bytes of nothing.
const TLS_REQUEST_BYTES: usize = 32;

/// What both parties can do, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities(u32);

impl Capabilities {
    const COMPRESS: u32 = 1 << 5;
    const PROTOCOL_41: u32 = 1 << 9;
    const SSL: u32 = 1 << 11;
    /// Results end with an OK packet instead of an EOF packet, and columns with nothing.
    const DEPRECATE_EOF: u32 = 1 << 24;
    /// A result may come without its columns.
    const OPTIONAL_METADATA: u32 = 1 << 25;
    const ZSTD: u32 = 1 << 26;
    /// Statements may carry named attributes.
    const QUERY_ATTRIBUTES: u32 = 1 << 27;

    /// With these the bytes cannot be read.
    const COMPRESSED: u32 = Self::COMPRESS | Self::ZSTD;

    fn has(self, bits: u32) -> bool {
        self.0 & bits != 0
    }

    /// What is in force when a client takes `taken` of what the server offers; None when nothing that follows can be
    /// read, because the client took what was withheld or speaks the protocol of old. `encrypted` where TLS is spoken
    /// already, and ended by the link.
    pub(super) fn agreed(self, taken: Capabilities, encrypted: bool) -> Option<Capabilities> {
        let agreed = Capabilities(self.0 & taken.0);
        let readable = agreed.has(Self::PROTOCOL_41) && !agreed.has(Self::COMPRESSED);
        (readable && (encrypted || !taken.has(Self::SSL))).then_some(agreed)
    }

    /// Whether a client that takes `taken` of what the server offers, in a packet of this length, wants TLS before it says
    /// more.
    pub(super) fn wants_tls(self, taken: Capabilities, length: usize) -> bool {
        let agreed = Capabilities(self.0 & taken.0);
        length == TLS_REQUEST_BYTES && agreed.has(Self::PROTOCOL_41) && agreed.has(Self::SSL)
    }

    pub(super) fn deprecate_eof(self) -> bool {
        self.has(Self::DEPRECATE_EOF)
    }

    pub(super) fn optional_metadata(self) -> bool {
        self.has(Self::OPTIONAL_METADATA)
    }

    pub(super) fn query_attributes(self) -> bool {
        self.has(Self::QUERY_ATTRIBUTES)
    }
}

/// What a greeting offers, and where in its payload that stands (two halves).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// As the server sent it.
    pub(super) offered: Capabilities,
    /// The character set of statements before a client has named one.
    pub(super) charset: Charset,
    places: [usize; 2],
}

impl Greeting {
    /// Version 10: version, text of the server, connection, 8 bytes of a nonce, 1 of nothing, capabilities (low), character
    /// set, status (2), capabilities (high). None where it is another one.
    pub(super) fn read(payload: &[u8]) -> Option<Greeting> {
        let mut rest = Reader(payload);
        if rest.number(1)? != 10 {
            return None;
        }
        rest.zero_ended()?;
        rest.take(4 + 8 + 1)?;
        let low_at = payload.len() - rest.0.len();
        let low = rest.number(2)?;
        let charset = Charset::of_collation(rest.number(1)?);
        rest.take(2)?;
        let high_at = payload.len() - rest.0.len();
        let high = rest.number(2)?;
        Some(Greeting {
            offered: Capabilities((low | high << 16) as u32),
            charset,
            places: [low_at, high_at],
        })
    }

    /// Takes what makes frames unreadable out of the packet; encryption stays where the link ends it.
    pub(super) fn withhold(&self, packet: &mut [u8], ends_tls: bool) {
        let encryption = if ends_tls { 0 } else { Capabilities::SSL };
        let bits = (self.offered.0 & !(Capabilities::COMPRESSED | encryption)).to_le_bytes();
        for (half, place) in bits.chunks(2).zip(self.places) {
            if let Some(at) = packet.get_mut(HEADER_BYTES + place..HEADER_BYTES + place + 2) {
                at.copy_from_slice(half);
            }
        }
    }
}

/// What the client's answer to the greeting takes.
pub(super) fn taken(payload: &[u8]) -> Option<Capabilities> {
    Reader(payload).number(4).map(|bits| Capabilities(bits as u32))
}

/// The character set of the statements of a client, as its answer to the greeting names it: behind the capabilities and the
/// longest packet.
pub(super) fn charset(payload: &[u8]) -> Charset {
    Charset::of_collation(payload.get(8).copied().unwrap_or_default().into())
}

/// The character set of a client that becomes another user: command, user, credentials with their length, database, collation.
/// None where it names none.
pub(super) fn changed_charset(payload: &[u8]) -> Option<Charset> {
    let mut rest = Reader(payload);
    rest.take(1)?;
    rest.zero_ended()?;
    let credentials = rest.number(1)?;
    rest.take(credentials as usize)?;
    rest.zero_ended()?;
    rest.number(2).map(Charset::of_collation)
}
