//! What container runtimes write: Docker's json-file and CRI, and the joining of partial lines.
//!
//! Docs of the originals: <https://docs.docker.com/engine/logging/drivers/json-file/>, Kubernetes' CRI logging format
//! (`TIME STREAM TAGS MESSAGE`, tag `P` for a partial line). A Docker line is partial when its `log` does not end in a line
//! feed. Filebeat's reader is the measure; deviations are listed in the folder's `mod.rs`.

use super::config::{ContainerFormat, Stream};
use crate::event::Timestamp;
use crate::event::json::{self, Decimals};
use crate::event::timestamp::days_from_civil;
use crate::event::value::{Arena, Value};

/// A decoded line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line<'b> {
    pub message: &'b str,
    pub stream: &'b str,
    pub time: Timestamp,
    pub partial: bool,
    /// Docker's `attrs`: labels and environment that `--log-opt` asked for.
    pub attrs: Option<Value<'b>>,
}

/// Decodes one line, its line end already taken off. `cri_tags`: CRI lines carry tags (all of today's do).
///
/// # Errors
/// What is wrong with the line.
pub fn decode<'b>(
    arena: &'b Arena,
    line: &'b str,
    format: ContainerFormat,
    cri_tags: bool,
) -> Result<Line<'b>, &'static str> {
    match format {
        ContainerFormat::Cri => cri(line, cri_tags),
        ContainerFormat::Docker => docker(arena, line),
        ContainerFormat::Auto if line.starts_with('{') => docker(arena, line),
        ContainerFormat::Auto => cri(line, cri_tags),
    }
}

/// Whether an input wants the lines of a stream.
pub fn wants(filter: Stream, stream: &str) -> bool {
    match filter {
        Stream::All => true,
        Stream::Stdout => stream == "stdout",
        Stream::Stderr => stream == "stderr",
    }
}

/// Takes off the end of a message as Filebeat does: `\n` and a `\r` before it.
pub fn strip_line_end(text: &str) -> &str {
    match text.strip_suffix('\n') {
        Some(t) => t.strip_suffix('\r').unwrap_or(t),
        None => text,
    }
}

fn docker<'b>(arena: &'b Arena, line: &'b str) -> Result<Line<'b>, &'static str> {
    if let Some(line) = docker_fast(arena, line) {
        return Ok(line);
    }
    let Value::Map(map) = json::parse(arena, line, Decimals::Double).map_err(|_| "this is not JSON")? else {
        return Err("this is no JSON object");
    };
    // names are compared without regard to case, and the last one counts, as Go reads them
    let mut found = [None, None, None, None];
    for (name, value) in map.entries {
        if let Some(i) = ["log", "stream", "time", "attrs"].iter().position(|n| name.eq_ignore_ascii_case(n)) {
            found[i] = Some(*value);
        }
    }
    let text = |value: Option<Value<'b>>, what| match value {
        None | Some(Value::Null) => Ok(""),
        Some(Value::Str(s)) => Ok(s),
        Some(_) => Err(what),
    };
    let message = text(found[0], "`log` is not a string")?;
    let stream = text(found[1], "`stream` is not a string")?;
    let time = rfc3339(text(found[2], "`time` is not a string")?).ok_or("`time` is not a time of RFC 3339")?;
    let attrs = found[3].filter(|a| a.as_map().is_some_and(|m| !m.entries.is_empty()));
    Ok(Line { message, stream, time, partial: !message.ends_with('\n'), attrs })
}

/// The shape that the daemon itself writes: `{"log":"..","stream":"..","time":".."}`, nothing else.
fn docker_fast<'b>(arena: &'b Arena, line: &'b str) -> Option<Line<'b>> {
    let rest = line.strip_prefix(r#"{"log":""#)?;
    let bytes = rest.as_bytes();
    let mut end = 0;
    let mut first_escape = None;
    loop {
        end += memchr::memchr2(b'"', b'\\', &bytes[end..])?;
        if bytes[end] == b'"' {
            break;
        }
        first_escape.get_or_insert(end);
        end += 2;
        if end >= bytes.len() {
            return None;
        }
    }
    let (raw, rest) = (&rest[..end], &rest[end..]);
    let rest = rest.strip_prefix(r#"","stream":""#)?;
    let (stream, rest) = rest.split_at(memchr::memchr(b'"', rest.as_bytes())?);
    let rest = rest.strip_prefix(r#"","time":""#)?;
    let time = rest.strip_suffix(r#""}"#)?;
    if stream.contains('\\') || raw.bytes().any(|b| b < 0x20) {
        return None;
    }
    let time = rfc3339(time)?;
    let message = match first_escape {
        None => return Some(Line { message: raw, stream, time, partial: true, attrs: None }),
        Some(_) => unescape(arena, raw)?,
    };
    Some(Line { message, stream, time, partial: !message.ends_with('\n'), attrs: None })
}

/// A JSON string's content without its escapes. Surrogates are left to the full reader.
fn unescape<'b>(arena: &'b Arena, raw: &str) -> Option<&'b str> {
    let mut out = bumpalo::collections::String::with_capacity_in(raw.len(), arena);
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        let mut used = at + 2;
        out.push(match escape {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'"' | b'\\' | b'/' => escape as char,
            b'u' => {
                let hex = rest.get(used..used + 4)?;
                used += 4;
                if !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return None;
                }
                char::from_u32(u32::from_str_radix(hex, 16).ok()?)?
            }
            _ => return None,
        });
        rest = &rest[used..];
    }
    out.push_str(rest);
    Some(out.into_bump_str())
}

fn cri(line: &str, tags: bool) -> Result<Line<'_>, &'static str> {
    let mut parts = line.splitn(if tags { 4 } else { 3 }, ' ');
    let mut next = || parts.next().ok_or("this is neither Docker's nor CRI's format");
    let time = next()?;
    let stream = next()?;
    let partial = tags && next()?.split(':').any(|t| t == "P");
    let mut message = next()?;
    let time = rfc3339(time).ok_or("the line does not begin with a time of RFC 3339")?;
    if partial {
        message = message.strip_suffix('\n').unwrap_or(message);
    }
    Ok(Line { message, stream, time, partial, attrs: None })
}

/// A time of RFC 3339 as Go's `time.Parse` takes it: any number of digits of the second (beyond nine they are cut).
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    let b = text.as_bytes();
    let number = |from: usize, n: usize| -> Option<u32> {
        let digits = b.get(from..from + n)?;
        digits.iter().try_fold(0, |sum, d| d.is_ascii_digit().then(|| sum * 10 + u32::from(d - b'0')))
    };
    let is = |at: usize, c: u8| (b.get(at) == Some(&c)).then_some(());
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    is(4, b'-').and(is(7, b'-')).and(is(10, b'T')).and(is(13, b':')).and(is(16, b':'))?;
    if !(1..=12).contains(&month) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if day < 1 || day > crate::event::timestamp::days_in_month(i64::from(year), month) {
        return None;
    }
    let mut at = 19;
    let mut nanos = 0;
    if matches!(b.get(at), Some(b'.' | b',')) {
        at += 1;
        let from = at;
        let mut unit = 100_000_000;
        while b.get(at).is_some_and(u8::is_ascii_digit) {
            nanos += u32::from(b[at] - b'0') * unit;
            unit /= 10;
            at += 1;
        }
        if at == from {
            return None;
        }
    }
    let offset = match b.get(at)? {
        b'Z' => {
            at += 1;
            0
        }
        sign @ (b'+' | b'-') => {
            let (h, m) = (number(at + 1, 2)?, number(at + 4, 2)?);
            is(at + 3, b':')?;
            if h > 23 || m > 59 {
                return None;
            }
            at += 6;
            let secs = i64::from(h * 3600 + m * 60);
            if *sign == b'-' { -secs } else { secs }
        }
        _ => return None,
    };
    if at != b.len() {
        return None;
    }
    let secs = days_from_civil(i64::from(year), month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(Timestamp::new(secs - offset, nanos))
}

/// A line that is not complete yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Partial {
    pub stream: String,
    /// The file and place of its first part.
    pub key: u64,
    pub start: u64,
    /// The files that hold parts of it, each with the place of the first part in it.
    pub parts: Vec<(u64, u64)>,
    /// Bytes of the source that its parts take.
    pub len: u64,
    pub time: Timestamp,
    pub text: String,
    /// Bytes that did not fit `max_bytes`.
    pub cut: u64,
    /// The rendered `attrs` of its first part.
    pub attrs: Option<String>,
}

impl Partial {
    /// Adds a part that lies at `(key, start)`; what goes beyond `bytes_max` is counted, not kept.
    pub fn add(&mut self, part: &str, (key, start): (u64, u64), len: u64, bytes_max: usize) {
        if self.parts.iter().all(|(k, _)| *k != key) {
            self.parts.push((key, start));
        }
        self.len += len;
        // one byte more than the limit is kept for the line end that will be taken off
        let room = (bytes_max + 2).saturating_sub(self.text.len());
        let mut take = part.len().min(room);
        while !part.is_char_boundary(take) {
            take -= 1;
        }
        if self.cut > 0 {
            take = 0;
        }
        self.text.push_str(&part[..take]);
        self.cut += (part.len() - take) as u64;
    }
}

/// At most this many streams of one file can have a partial line at the same time; runtimes know two.
pub const STREAMS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_lines_are_read_the_same_way_fast_and_in_full() {
        let arena = Arena::new();
        for line in [
            r#"{"log":"hello\n","stream":"stdout","time":"2024-03-05T10:11:12.123456789Z"}"#,
            r#"{"log":"tab\t \"q\" \\ \/ \u003cb\u003e \u00e9\r\n","stream":"stderr","time":"2024-03-05T10:11:12Z"}"#,
            r#"{"log":"part","stream":"stdout","time":"2024-03-05T10:11:12+02:00"}"#,
            r#"{"log":"","stream":"stdout","time":"2024-03-05T10:11:12Z"}"#,
        ] {
            let fast = docker_fast(&arena, line).unwrap_or_else(|| panic!("{line}"));
            let spaced = line.replacen(':', ": ", 1);
            assert!(docker_fast(&arena, &spaced).is_none());
            let spaced = arena.alloc_str(&spaced);
            assert_eq!(docker(&arena, spaced).unwrap(), fast);
        }
        let odd = r#"{"log":"\ud83d\ude00\n","stream":"stdout","time":"2024-03-05T10:11:12Z"}"#;
        assert_eq!(docker(&arena, odd).unwrap().message, "😀\n");
    }

    #[test]
    fn what_is_malformed_is_an_error_and_never_a_panic() {
        let arena = Arena::new();
        let whole = r#"{"log":"a\u0041\n","stream":"stdout","time":"2024-03-05T10:11:12.5Z"}"#;
        for cut in 0..whole.len() {
            assert!(decode(&arena, &whole[..cut], ContainerFormat::Auto, true).is_err(), "{}", &whole[..cut]);
        }
        for line in [
            r#"{"log":"cut{"log":"next\n","stream":"stdout","time":"2024-03-05T10:11:12Z"}"#,
            r#"{"log":1,"stream":"stdout","time":"2024-03-05T10:11:12Z"}"#,
            r#"{"log":"a\n","stream":"stdout","time":"2024-02-30T10:11:12Z"}"#,
            r#"{"log":"a\n","stream":"stdout"}"#,
            r#"{"log":"a\n","stream":"stdout","time":"2024-03-05T10:11:12Z"} {"log":"b\n"}"#,
            "[1]",
            "\0\0\0",
        ] {
            assert!(decode(&arena, line, ContainerFormat::Auto, true).is_err(), "{line}");
        }
    }

    #[test]
    fn times_are_read_as_go_reads_them() {
        let t = |s: &str| rfc3339(s).map(|t| (t.epoch_secs(), t.subsec_nanos()));
        assert_eq!(t("1970-01-01T00:00:00Z"), Some((0, 0)));
        assert_eq!(t("2024-03-05T10:11:12.1234567891Z"), Some((1_709_633_472, 123_456_789)));
        assert_eq!(t("2024-03-05T10:11:12+02:00"), Some((1_709_626_272, 0)));
        assert_eq!(t("2024-02-29T23:59:59.999-00:30"), Some((1_709_252_999, 999_000_000)));
        for bad in [
            "",
            "2024-03-05",
            "2024-03-05 10:11:12Z",
            "2024-13-05T10:11:12Z",
            "2024-03-05T10:11:12",
            "2024-03-05T10:11:12.Z",
            "2024-03-05T10:11:12Zx",
            "2024-03-05T24:11:12Z",
        ] {
            assert_eq!(t(bad), None, "{bad}");
        }
    }
}
