//! Route answers: the addresses of brokers in them, replaced so that clients come back through the link.
//!
//! The body is no strict JSON (`{0:"172.17.0.3:10911"}`), so the quoted addresses are replaced as text. Never: touches
//! anything outside `brokerAddrs`.

use std::net::SocketAddr;

use memchr::memmem;

/// Both kinds of route answers keep addresses in such an object.
const KEY: &[u8] = b"\"brokerAddrs\"";

/// The body with every broker address replaced; None where there is none.
pub(super) fn rewrite(body: &[u8], advertise: SocketAddr) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    let mut found = false;
    while let Some(at) = memmem::find(rest, KEY) {
        let (before, object) = rest.split_at(at + KEY.len());
        let end = object.iter().position(|b| *b == b'}').unwrap_or(object.len());
        let (object, after) = object.split_at(end);
        out.extend_from_slice(before);
        found |= replace_values(object, advertise, &mut out);
        rest = after;
    }
    out.extend_from_slice(rest);
    found.then_some(out)
}

/// `:{0:"a:1","1":"b:2"`: replaces each quoted text that follows a colon (and is no key).
fn replace_values(object: &[u8], advertise: SocketAddr, out: &mut Vec<u8>) -> bool {
    let mut found = false;
    let mut rest = object;
    let mut last = b' ';
    while let Some((byte, after)) = rest.split_first() {
        if *byte != b'"' {
            out.push(*byte);
            last = if byte.is_ascii_whitespace() { last } else { *byte };
            rest = after;
            continue;
        }
        let text_bytes = after.iter().position(|b| *b == b'"').unwrap_or(after.len());
        let (text, after) = after.split_at(text_bytes);
        let after = after.get(1..).unwrap_or_default();
        if last == b':' {
            out.extend_from_slice(format!("\"{advertise}\"").as_bytes());
            found = true;
        } else {
            out.push(b'"');
            out.extend_from_slice(text);
            out.push(b'"');
        }
        last = b'"';
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_broker_addresses_are_replaced() {
        let advertise = "127.0.0.1:7".parse().unwrap();
        let route =
            br#"{"brokerDatas":[{"brokerAddrs":{0:"172.17.0.3:10911", "1" : "h:1"},"brokerName":"a:b"}],"x":"c:1"}"#;
        let expected =
            r#"{"brokerDatas":[{"brokerAddrs":{0:"127.0.0.1:7", "1" : "127.0.0.1:7"},"brokerName":"a:b"}],"x":"c:1"}"#;
        assert_eq!(String::from_utf8(rewrite(route, advertise).unwrap()).unwrap(), expected);
        assert_eq!(rewrite(b"{}", advertise), None);
        for broken in [&b"\"brokerAddrs\""[..], b"\"brokerAddrs\":{0:\"x", b"\"brokerAddrs\":{"] {
            let _ = rewrite(broken, advertise);
        }
    }
}
