//! A service for tests: answers `/healthz` and everything below it, and `/ask/NAME/PORT` with the line that NAME:PORT sends.
//! With FAIL set it says so and ends with code 3; with MUTE set it listens and never answers; with DIE_AFTER_MS set it
//! serves for that long and ends with code 4.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

fn main() {
    if let Ok(reason) = std::env::var("FAIL") {
        eprintln!("cannot start: {reason}");
        std::process::exit(3);
    }
    let listener = TcpListener::bind("0.0.0.0:8080").unwrap();
    println!("listening, GREETING={}", std::env::var("GREETING").unwrap_or_default());
    if let Some(ms) = std::env::var("DIE_AFTER_MS").ok().and_then(|ms| ms.parse().ok()) {
        std::thread::spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(ms));
            eprintln!("the name server is away");
            std::process::exit(4);
        });
    }
    let mute = std::env::var("MUTE").is_ok();
    let mut held = Vec::new();
    for stream in listener.incoming().flatten() {
        if mute {
            held.push(stream);
        } else {
            let _ = answer(stream);
        }
    }
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream.try_clone()?).read_line(&mut line)?;
    let path: Vec<&str> = line.split(' ').nth(1).unwrap_or_default().split('/').skip(1).collect();
    let (status, body) = match path.as_slice() {
        ["healthz", ..] => (200, "well".to_string()),
        ["ask", host, port] => ask(host, port).map_or_else(|e| (502, e.to_string()), |line| (200, line)),
        _ => (404, String::new()),
    };
    write!(stream, "HTTP/1.1 {status} -\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn ask(host: &str, port: &str) -> std::io::Result<String> {
    let mut line = String::new();
    BufReader::new(TcpStream::connect(format!("{host}:{port}"))?).read_line(&mut line)?;
    Ok(line)
}
