//! What Ruby's string methods do: strip, split, upcase, downcase, capitalize, gsub.

use crate::filter::pattern::Pattern;

/// `String#strip`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(['\0', '\t', '\n', '\x0b', '\x0c', '\r', ' '])
}

/// `String#split` with a text: empty parts at the end vanish, a single blank splits at runs of blanks, no text at all
/// splits into characters.
pub fn split<'t>(text: &'t str, separator: &str) -> Vec<&'t str> {
    let mut parts: Vec<&str> = match separator {
        "" => text.char_indices().map(|(i, c)| &text[i..i + c.len_utf8()]).collect(),
        " " => text.split([' ', '\t', '\n', '\x0b', '\x0c', '\r']).filter(|p| !p.is_empty()).collect(),
        _ => text.split(separator).collect(),
    };
    while parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    parts
}

/// `String#upcase`.
pub fn upcase(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).collect()
}

/// `String#downcase`; unlike Rust's it knows no final sigma.
pub fn downcase(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// `String#capitalize`: the first character in title case, the others small.
pub fn capitalize(text: &str) -> String {
    let mut chars = text.chars();
    let mut out = String::with_capacity(text.len());
    if let Some(first) = chars.next() {
        title(first, &mut out);
    }
    out.extend(chars.flat_map(char::to_lowercase));
    out
}

/// Title case differs from upper case where one character stands for two.
fn title(c: char, out: &mut String) {
    let single = match c {
        'Ǆ' | 'ǅ' | 'ǆ' => Some('ǅ'),
        'Ǉ' | 'ǈ' | 'ǉ' => Some('ǈ'),
        'Ǌ' | 'ǋ' | 'ǌ' => Some('ǋ'),
        'Ǳ' | 'ǲ' | 'ǳ' => Some('ǲ'),
        // Georgian has capitals, yet no title case
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => Some(c),
        // Greek with iota subscript
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => char::from_u32(c as u32 + 8),
        '\u{1F88}'..='\u{1F8F}' | '\u{1F98}'..='\u{1F9F}' | '\u{1FA8}'..='\u{1FAF}' => Some(c),
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => char::from_u32(c as u32 + 9),
        '\u{1FBC}' | '\u{1FCC}' | '\u{1FFC}' => Some(c),
        _ => None,
    };
    match single {
        Some(c) => out.push(c),
        None => {
            let mut upper = c.to_uppercase();
            out.extend(upper.next());
            out.extend(upper.flat_map(char::to_lowercase));
        }
    }
}

/// `String#gsub` with a pattern and a replacement text; `None` when nothing matched.
///
/// # Errors
/// The match took more steps than allowed.
pub fn gsub(text: &str, pattern: &Pattern, replacement: &str) -> Result<Option<String>, String> {
    let mut groups = pattern.groups();
    let mut out: Option<String> = None;
    let (mut from, mut copied) = (0, 0);
    while from <= text.len() && pattern.find_at(text, from, &mut groups)? {
        let (start, end) = groups.get(0).expect("a match has a whole");
        let out = out.get_or_insert_with(|| String::with_capacity(text.len() + replacement.len()));
        out.push_str(&text[copied..start]);
        expand(text, pattern, replacement, &groups, out);
        copied = end;
        // after an empty match the search goes on one character further
        from = if end > start { end } else { end + text[end..].chars().next().map_or(1, char::len_utf8) };
    }
    if let Some(out) = &mut out {
        out.push_str(&text[copied..]);
    }
    Ok(out)
}

/// Ruby's replacement text: `\1`, `\0`, `\&`, `` \` ``, `\'`, `\k<name>`, `\\`; any other backslash stays.
fn expand(text: &str, pattern: &Pattern, replacement: &str, groups: &crate::filter::pattern::Groups, out: &mut String) {
    let mut rest = replacement;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let group = |n: usize| groups.get(n).map_or("", |(s, e)| &text[s..e]);
        let mut taken = 1;
        match after.as_bytes().first() {
            Some(d @ b'0'..=b'9') => out.push_str(group(usize::from(d - b'0'))),
            Some(b'&') => out.push_str(group(0)),
            Some(b'`') => out.push_str(&text[..groups.get(0).map_or(0, |g| g.0)]),
            Some(b'\'') => out.push_str(&text[groups.get(0).map_or(0, |g| g.1)..]),
            Some(b'\\') => out.push('\\'),
            Some(b'k') => match after.strip_prefix("k<").and_then(|a| a.split_once('>')) {
                Some((name, _)) => {
                    taken = name.len() + 3;
                    if let Some(n) = pattern.group_named(name).or_else(|| name.parse().ok()) {
                        out.push_str(group(n));
                    }
                }
                None => out.push_str("\\k"),
            },
            _ => {
                out.push('\\');
                taken = 0;
            }
        }
        rest = &after[taken..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_split_as_in_ruby() {
        for (text, separator, parts) in [
            ("1,2,,3,,", ",", vec!["1", "2", "", "3"]),
            ("", ",", vec![]),
            (",", ",", vec![]),
            (",a", ",", vec!["", "a"]),
            (" a  b ", " ", vec!["a", "b"]),
            ("中文", "", vec!["中", "文"]),
            ("1.2", ".", vec!["1", "2"]),
        ] {
            assert_eq!(split(text, separator), parts, "{text}");
        }
    }

    #[test]
    fn case_is_changed_as_in_ruby() {
        assert_eq!(upcase("straße ı ﬁ ǆ"), "STRASSE I FI Ǆ");
        assert_eq!(downcase("ÀÉ İΣ ẞ"), "àé i̇σ ß");
        for (from, to) in
            [("hELLO wORLD", "Hello world"), ("ǆ x", "ǅ x"), ("ßx", "Ssx"), ("éCOLE", "École"), ("", ""), ("ა", "ა")]
        {
            assert_eq!(capitalize(from), to);
        }
    }

    #[test]
    fn replacements_expand_as_in_ruby() {
        for (text, pattern, replacement, result) in [
            ("joe@corp", r"(\w+)@(\w+)", r"\2 at \1", Some("corp at joe")),
            ("a1b22", r"(?<n>\d+)", r"<\k<n>>", Some("a<1>b<22>")),
            ("ab", "(a)|b", r"[\1]", Some("[a][]")),
            ("axb", "x", r"\0\0", Some("axxb")),
            ("axb", "x", r"\\n", Some(r"a\nb")),
            ("axb", "x", r"\q\", Some(r"a\q\b")),
            ("axb", "x", "\\`\\'", Some("aabb")),
            ("é2", "", "-", Some("-é-2-")),
            ("abc", "z*", "-", Some("-a-b-c-")),
            ("abc", "z", "-", None),
        ] {
            let p = Pattern::compile(pattern).unwrap();
            assert_eq!(gsub(text, &p, replacement).unwrap().as_deref(), result, "{text} {pattern}");
        }
    }
}
