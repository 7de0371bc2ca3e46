//! The program: arguments in, exit code out; everything else is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(logdrive::cli::main(std::env::args_os()))
}
