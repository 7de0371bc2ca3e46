//! Reading files: Filebeat's `log` and `container` inputs.
//!
//! Docs of the original: <https://www.elastic.co/guide/en/beats/filebeat/8.19/filebeat-input-log.html> and
//! `filebeat-input-container.html`.
//!
//! - [`prospector`] finds files (globs, symbolic links, exclusions); [`glob`] is Go's `filepath.Match`.
//! - [`identity`] says whether two sightings are the same file: device, inode, time of birth, content of head and tail.
//! - [`harvester`] reads one file: blocks, lines, limits. [`container`] decodes what Docker and CRI wrote, joins partial lines.
//! - [`registry`] keeps on disk how far each file was delivered.
//! - [`reader`] ties them: the state machine that a thread (or a simulation) polls.
//!
//! Belongs here: everything between a path in the configuration and a batch of lines. Must not be here: `std::fs`, clocks, threads; everything outside is reached through `crate::world`.
//!
//! Deviations from Filebeat, each because Filebeat loses or doubles lines there:
//! - identity is more than device and inode, so a reused inode starts at 0, and a copytruncate copy is not read again;
//! - a rotated or removed file is read to its end before it is closed, whatever `close_*` says; the last line of a removed
//!   file is shipped even without its line end;
//! - a container line that cannot be decoded is shipped as it is, flagged (`log.flags: ["undecoded"]`, `error.message`) and
//!   counted; Filebeat logs an error and skips it;
//! - partial lines are joined per stream and across a rotated file; Filebeat mixes the streams;
//! - a line longer than four times `max_bytes` is cut as any long line; Filebeat skips it;
//! - a file that two inputs match belongs to the first of them.

pub mod config;
pub mod container;
pub mod glob;
pub mod harvester;
pub mod identity;
pub mod prospector;
pub mod reader;
pub mod registry;

#[cfg(test)]
mod tests;

pub use config::{ContainerFormat, FileInfo, FileInputConfig, Format, ReaderConfig, Stream};
pub use reader::{Parts, Poll, TailReader};
