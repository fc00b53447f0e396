//! dev tasks
fn main() {}
