//! The program: arguments, error report, exit code.

fn main() {}
