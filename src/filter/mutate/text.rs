//! What Ruby's string methods do: strip, split, upcase, downcase, capitalize.

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
}
