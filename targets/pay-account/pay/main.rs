//! pay
fn main() {}
