//! Globs as Go has them: `filepath.Match`, and Filebeat's `**`.
//!
//! `*` any run of bytes but `/`; `?` one character but `/`; `[a-z]`, `[^a-z]`; `\` takes the next character as it is.
//! A dot at the beginning is nothing special. Source: Go's documentation of `path/filepath`.

use std::path::{Component, Path, PathBuf};

/// How many levels of folders `**` stands for, as in Filebeat.
pub const DEPTH_MAX: usize = 8;

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    #[error("`{0}` is not a valid pattern: a bracket or an escape is not closed")]
    Syntax(String),
    #[error("`{0}` has more than one `**`")]
    TwoDoubleStars(String),
}

/// Whether a name matches a pattern; `None` for a malformed pattern.
pub fn matches(pattern: &[u8], name: &[u8]) -> Option<bool> {
    // the last star seen: where to go on in the pattern, and from which byte of the name
    let mut star: Option<(usize, usize)> = None;
    let (mut p, mut n) = (0, 0);
    loop {
        if p < pattern.len() {
            if pattern[p] == b'*' {
                star = Some((p + 1, n));
                p += 1;
                continue;
            }
            let (one, len, next) = one(&pattern[p..], &name[n.min(name.len())..])?;
            if n < name.len() && one {
                p += next;
                n += len;
                continue;
            }
        } else if n >= name.len() {
            return Some(true);
        }
        // does not fit here: let the last star take one more byte
        match star {
            Some((after, from)) if from < name.len() && name[from] != b'/' => {
                star = Some((after, from + 1));
                p = after;
                n = from + 1;
            }
            _ => {
                // the rest of the pattern must still be well-formed
                while p < pattern.len() {
                    p += if pattern[p] == b'*' { 1 } else { one(&pattern[p..], b"")?.2 };
                }
                return Some(false);
            }
        }
    }
}

/// Matches one element of a pattern against the beginning of a name: whether, bytes of the name, bytes of the pattern.
fn one(pattern: &[u8], name: &[u8]) -> Option<(bool, usize, usize)> {
    let (c, len) = first_char(name);
    match pattern[0] {
        b'?' => Some((c.is_some_and(|c| c != u32::from(b'/')), len, 1)),
        b'\\' => {
            let (want, want_len) = first_char(&pattern[1..]);
            want.map(|want| (c == Some(want), len, 1 + want_len))
        }
        b'[' => {
            let mut at = 1;
            let negated = pattern.get(at) == Some(&b'^');
            at += usize::from(negated);
            let mut found = false;
            let mut ranges = 0;
            loop {
                if pattern.get(at) == Some(&b']') && ranges > 0 {
                    at += 1;
                    break;
                }
                let (low, n) = class_char(&pattern[at..])?;
                at += n;
                let mut high = low;
                if pattern.get(at) == Some(&b'-') {
                    let (h, n) = class_char(&pattern[at + 1..])?;
                    high = h;
                    at += 1 + n;
                }
                found |= c.is_some_and(|c| low <= c && c <= high);
                ranges += 1;
            }
            Some((c.is_some() && found != negated, len, at))
        }
        _ => {
            let (want, want_len) = first_char(pattern);
            Some((c.is_some() && c == want, len, want_len))
        }
    }
}

/// One character of a class; `-` and `]` must be escaped there.
fn class_char(pattern: &[u8]) -> Option<(u32, usize)> {
    let escaped = usize::from(pattern.first() == Some(&b'\\'));
    if escaped == 0 && matches!(pattern.first(), None | Some(b'-' | b']')) {
        return None;
    }
    let (c, len) = first_char(&pattern[escaped..]);
    // a class that ends here is not closed
    let end = escaped + len;
    c.filter(|_| end < pattern.len()).map(|c| (c, end))
}

/// The first character of some bytes; a byte that is not UTF-8 counts as U+FFFD, as in Go.
fn first_char(bytes: &[u8]) -> (Option<u32>, usize) {
    let Some(first) = bytes.first() else { return (None, 0) };
    let len = match first {
        0..=0x7f => return (Some(u32::from(*first)), 1),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    match bytes.get(..len).and_then(|b| std::str::from_utf8(b).ok()).and_then(|s| s.chars().next()) {
        Some(c) => (Some(u32::from(c)), len),
        None => (Some(0xFFFD), 1),
    }
}

/// Whether a part of a path needs matching.
pub fn has_meta(part: &[u8]) -> bool {
    part.iter().any(|b| matches!(b, b'*' | b'?' | b'[' | b'\\'))
}

/// The plain patterns that a pattern with `**` stands for; the pattern itself when it has none.
pub fn expand(pattern: &str, recursive: bool) -> Result<Vec<PathBuf>, GlobError> {
    if matches(pattern.as_bytes(), b"").is_none() {
        return Err(GlobError::Syntax(pattern.to_string()));
    }
    let parts: Vec<Component<'_>> = Path::new(pattern).components().collect();
    let mut stars = parts.iter().enumerate().filter(|(_, c)| c.as_os_str() == "**").map(|(i, _)| i);
    let Some(at) = stars.next().filter(|_| recursive) else { return Ok(vec![PathBuf::from(pattern)]) };
    if stars.next().is_some() {
        return Err(GlobError::TwoDoubleStars(pattern.to_string()));
    }
    let mut out = Vec::new();
    // alone and relative, zero levels would be the empty path
    let from = usize::from(parts.len() == 1);
    for depth in from..=DEPTH_MAX {
        let mut path: PathBuf = parts[..at].iter().collect();
        path.extend(std::iter::repeat_n("*", depth));
        path.extend(&parts[at + 1..]);
        out.push(path);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matching_follows_go() {
        // the answers are those of Go's filepath.Match; None is ErrBadPattern
        for (pattern, name, want) in [
            ("abc", "abc", Some(true)),
            ("*", "abc", Some(true)),
            ("*c", "abc", Some(true)),
            ("a*", "a", Some(true)),
            ("a*", "ab/c", Some(false)),
            ("a*/b", "abc/b", Some(true)),
            ("a*/b", "a/c/b", Some(false)),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", Some(true)),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", Some(false)),
            ("a*b?c*x", "abxbbxdbxebxczzx", Some(true)),
            ("a*b?c*x", "abxbbxdbxebxczzy", Some(false)),
            ("ab[c]", "abc", Some(true)),
            ("ab[b-d]", "abc", Some(true)),
            ("ab[e-g]", "abc", Some(false)),
            ("ab[^c]", "abc", Some(false)),
            ("ab[^e-g]", "abc", Some(true)),
            ("a\\*b", "a*b", Some(true)),
            ("a\\*b", "ab", Some(false)),
            ("a?b", "a☺b", Some(true)),
            ("a[^a]b", "a☺b", Some(true)),
            ("a???b", "a☺b", Some(false)),
            ("[a-ζ]*", "α", Some(true)),
            ("*[a-ζ]", "A", Some(false)),
            ("a?b", "a/b", Some(false)),
            ("a*b", "a/b", Some(false)),
            ("[\\]a]", "]", Some(true)),
            ("[\\-x]", "-", Some(true)),
            ("[x\\-]", "z", Some(false)),
            ("[]a]", "]", None),
            ("[-]", "-", None),
            ("[x-]", "x", None),
            ("[a-b-c]", "a", None),
            ("[", "a", None),
            ("[^", "a", None),
            ("[^bc", "a", None),
            ("a[", "a", None),
            ("a[", "ab", None),
            ("*x", "xxx", Some(true)),
            ("*.log", ".log", Some(true)),
            ("*", ".hidden", Some(true)),
            ("", "", Some(true)),
            ("", "a", Some(false)),
            ("a\\", "a", None),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), want, "{pattern} {name}");
        }
    }

    #[test]
    fn two_stars_are_eight_levels() {
        let all = expand("/a/**/*.log", true).unwrap();
        assert_eq!(all.len(), 9);
        assert_eq!((all[0].as_path(), all[2].as_path()), (Path::new("/a/*.log"), Path::new("/a/*/*/*.log")));
        assert_eq!(expand("**", true).unwrap()[0], Path::new("*"));
        assert_eq!(expand("/a/**/*.log", false).unwrap(), [Path::new("/a/**/*.log")]);
        assert!(expand("/a/**/b/**", true).is_err());
        assert!(expand("/a/[b", true).is_err());
    }
}
