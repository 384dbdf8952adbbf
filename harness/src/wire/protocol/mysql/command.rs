//! Commands: what a client asks, by the first byte of what it sends.

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Query,
    FieldList,
    ChangeUser,
    Prepare,
    Execute,
    SendLongData,
    CloseStatement,
    ResetStatement,
    Fetch,
    ResetConnection,
    /// Answered by one packet, and nothing to the session: its name.
    Simple(&'static str),
    /// Answered by an error or a result.
    Other(u8),
    /// What follows is no dialogue any more.
    Stream,
}

impl Command {
    pub(super) fn of(byte: u8) -> Command {
        match byte {
            0x01 => Command::Quit,
            0x02 => Command::Simple("USE"),
            0x03 => Command::Query,
            0x04 => Command::FieldList,
            0x08 => Command::Simple("SHUTDOWN"),
            0x09 => Command::Simple("STATISTICS"),
            0x0c => Command::Simple("KILL"),
            0x0d => Command::Simple("DEBUG"),
            0x0e => Command::Simple("PING"),
            0x11 => Command::ChangeUser,
            0x16 => Command::Prepare,
            0x17 => Command::Execute,
            0x18 => Command::SendLongData,
            0x19 => Command::CloseStatement,
            0x1a => Command::ResetStatement,
            0x1b => Command::Simple("SET OPTION"),
            0x1c => Command::Fetch,
            0x1f => Command::ResetConnection,
            // Replication and cloning.
            0x12 | 0x13 | 0x1e | 0x20 | 0x21 => Command::Stream,
            other => Command::Other(other),
        }
    }
}
