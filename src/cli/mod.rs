//! The commands.
//!
//! Belongs here: reading arguments, gathering configurations, printing, exit codes. Must not be here: what events do.
//! stdout is data, stderr is everything else. Exit 0: fine; 1: the configuration has faults; 2: usage or environment.

pub mod args;
pub mod check;
pub mod gather;
pub mod run;
mod test_output;

use crate::config::diagnostic::Diagnostic;
use crate::config::render;
use crate::config::source::SourceMap;
use args::{Parsed, Task};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};

/// Does what the arguments say; returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> u8 {
    let job = match args::parse(args) {
        Parsed::Text(text) => {
            print_out(&text);
            return run::FINE;
        }
        Parsed::Usage(error) => {
            // help goes to stdout with 0, a usage error to stderr with 2
            let _ = error.print();
            return if error.use_stderr() { run::CANNOT_RUN } else { run::FINE };
        }
        Parsed::Job(job) => job,
    };
    let world = crate::world::real::world();
    match job.task {
        Task::Check(format) => check::check(&job, format, &world),
        Task::Run | Task::TestConfig | Task::TestOutput => run::run(&job, &world),
    }
}

/// A line on stderr; a closed stderr is no reason to fail.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Text on stdout; a closed pipe is the reader's choice.
pub fn print_out(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Findings for people.
pub fn print_findings(diagnostics: &[Diagnostic], sources: &SourceMap, to: &mut (impl Write + IsTerminal)) {
    if !diagnostics.is_empty() {
        let color = to.is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let _ = to.write_all(render::render(diagnostics, sources, color).as_bytes());
    }
}
