//! The dialect by table, and against Oniguruma itself.

use super::*;

/// (pattern, text, the groups from 0 on as text; `None` for no match)
type Case = (&'static str, &'static str, Option<&'static [Option<&'static str>]>);

const fn hit(groups: &'static [Option<&'static str>]) -> Option<&'static [Option<&'static str>]> {
    Some(groups)
}

const CASES: &[Case] = &[
    // sets
    (r"\h+", "xyz 1fG", hit(&[Some("1f")])),
    (r"\H+", "1f x", hit(&[Some(" x")])),
    (r"[\h]+", "xA0", hit(&[Some("A0")])),
    (r"\w+", "é_9", hit(&[Some("_9")])),
    (r"\W", "aé", hit(&[Some("é")])),
    (r"\d+", "٣4", hit(&[Some("4")])),
    (r"\s", "\u{3000}\x0b", hit(&[Some("\x0b")])),
    (r"[[:alpha:]]+", "1é2", hit(&[Some("é")])),
    (r"[[:^alpha:]]+", "é12é", hit(&[Some("12")])),
    (r"[^[:alpha:]]+", "é12é", hit(&[Some("12")])),
    (r"[x[:^alpha:]]+", "éx1é", hit(&[Some("x1")])),
    (r"[[:space:]]", "\u{3000}", hit(&[Some("\u{3000}")])),
    (r"[[:punct:]]+", "a$+<é", hit(&[Some("$+<")])),
    (r"[[:word:]]+", " é_", hit(&[Some("é_")])),
    (r"\p{Alpha}+", "1é", hit(&[Some("é")])),
    (r"\p{^Alpha}+\P{Alpha}", "é12", hit(&[Some("12")])),
    (r"\p{Lu}\p{Greek}", "aÉπ", hit(&[Some("Éπ")])),
    (r"[\p{^L}x]+", "ax1é", hit(&[Some("x1")])),
    (r"(?u)\w+", "-é", hit(&[Some("é")])),
    (r"(?u:\w)\w*", "éé", hit(&[Some("é")])),
    (r"(?a)[[:alpha:]]+", "éa", hit(&[Some("a")])),
    (r"[^\S]", "a b", hit(&[Some(" ")])),
    (r"[\W_]+", "a-_é1", hit(&[Some("-_é")])),
    // words
    (r"\bcaf\b", "café caf", hit(&[Some("caf")])),
    (r"\b\w+\b", "naïve café", None),
    (r"\b\w+\b", "数据库 ERROR", hit(&[Some("ERROR")])),
    (r"(?a)caf\b", "café", hit(&[Some("caf")])),
    (r"(?:\b)+a", "a", hit(&[Some("a")])),
    (r"\b*a", "a", hit(&[Some("a")])),
    // classes
    (r"[a-z&&[^aeiou]]+", "aeixyz", hit(&[Some("xyz")])),
    (r"[^a-z&&[^aeiou]]+", "xyzaei1", hit(&[Some("aei1")])),
    (r"[a-c[x-z]]+", "dxa", hit(&[Some("xa")])),
    (r"[a[^b]]+", "ba", hit(&[Some("a")])),
    (r"[^a[^ab]]+", "cab", hit(&[Some("b")])),
    (r"[]a]+", "x]a", hit(&[Some("]a")])),
    (r"[^]a]", "]ab", hit(&[Some("b")])),
    (r"[a-]+", "-a", hit(&[Some("-a")])),
    (r"[-a]+", "-a", hit(&[Some("-a")])),
    (r"[\w-]+", " a-b", hit(&[Some("a-b")])),
    (r"[\w-.]+", " a-b.", hit(&[Some("a-b.")])),
    (r"[a-c-e]+", "d-be", hit(&[Some("-be")])),
    (r"[+--]+", "+,-.", hit(&[Some("+,-")])),
    (r"[\b]", "a\x08", hit(&[Some("\x08")])),
    (r"[.+*?$^|(){}]+", "a.+*?$^|(){}", hit(&[Some(".+*?$^|(){}")])),
    (r"(/[[[:alnum:]]_%!$@:.,+~-]*)+", "x /a/b_c", hit(&[Some("/a/b_c"), Some("/b_c")])),
    (r"[\x41-\x43\u0064\n]+", "xABd\n", hit(&[Some("ABd\n")])),
    // lines
    (r"^b", "a\nb", hit(&[Some("b")])),
    (r"a$", "a\nb", hit(&[Some("a")])),
    (r"^$", "a\n", None),
    (r"\Ab", "a\nb", None),
    (r"a\Z", "a\n", hit(&[Some("a")])),
    (r"a\z", "a\n", None),
    (r".+", "a\nb", hit(&[Some("a")])),
    (r"(?m).+", "a\nb", hit(&[Some("a\nb")])),
    (r"(?m:.).", "\nb\n", hit(&[Some("\nb")])),
    (r"(?m)a(?-m:.)", "a\nab", hit(&[Some("ab")])),
    (r".", "\r", hit(&[Some("\r")])),
    (r"a$", "a\r\n", None),
    (r"\R", "\r\n", hit(&[Some("\r\n")])),
    (r"\X", "e\u{301}x", hit(&[Some("e\u{301}")])),
    // repeats
    (r"a{2}", "aaa", hit(&[Some("aa")])),
    (r"a{,2}", "aaa", hit(&[Some("aa")])),
    (r"a{2,}", "aaa", hit(&[Some("aaa")])),
    (r"a{1,2}?", "aa", hit(&[Some("a")])),
    (r"a{2}?", "aa", hit(&[Some("aa")])),
    (r"a{2}?", "a", hit(&[Some("")])),
    (r"a{1,2}+a", "aa", hit(&[Some("aa")])),
    (r"a{2}+", "aaaaa", hit(&[Some("aaaa")])),
    (r"a++a", "aa", None),
    (r"a?+a", "a", None),
    (r"a*+b", "aab", hit(&[Some("aab")])),
    (r"(?:ab)?*c", "ababc", hit(&[Some("ababc")])),
    (r".?*b", "aab", hit(&[Some("aab")])),
    (r"a{b", "a{b", hit(&[Some("a{b")])),
    (r"a{,}", "a{,}", hit(&[Some("a{,}")])),
    (r"{x", "{x", hit(&[Some("{x")])),
    (r"a{ 1}", "a{ 1}", hit(&[Some("a{ 1}")])),
    (r"ab{2}", "abb", hit(&[Some("abb")])),
    (r"é{2}", "éé", hit(&[Some("éé")])),
    // groups
    (r"(a)(b)?", "a", hit(&[Some("a"), Some("a"), None])),
    (r"(?<x>a)(b)", "ab", hit(&[Some("ab"), Some("a")])),
    (r"(?'x'a)", "a", hit(&[Some("a"), Some("a")])),
    (r"(?<x>a)|(?<x>b)", "b", hit(&[Some("b"), None, Some("b")])),
    (r"(?<[a][b]>a)(?<INT:n:int>\d)", "a1", hit(&[Some("a1"), Some("a"), Some("1")])),
    (r"(?>a+)a", "aa", None),
    (r"(?=ab)a", "ab", hit(&[Some("a")])),
    (r"a(?!b)", "abac", hit(&[Some("a")])),
    (r"(?<=a|bc)d", "bcd", hit(&[Some("d")])),
    (r"(?<!a)b", "abb", hit(&[Some("b")])),
    (r"(?#note)a(?#x\)y)b", "ab", hit(&[Some("ab")])),
    (r"(a|b)*", "aab", hit(&[Some("aab"), Some("b")])),
    (r"(?:|a)b", "ab", hit(&[Some("ab")])),
    (r"()", "", hit(&[Some(""), Some("")])),
    (r"/\*(?~\*/)\*/", "a /* b **/ c */", hit(&[Some("/* b **/")])),
    (r"(?~abc)", "xabcx", hit(&[Some("xab")])),
    // references
    (r"(a|b)\1", "abb", hit(&[Some("bb"), Some("b")])),
    (r"(?<x>a|b)\k<x>", "abb", hit(&[Some("bb"), Some("b")])),
    (r"(?<x>a)(?<x>b)\k<x>", "aba", hit(&[Some("aba"), Some("a"), Some("b")])),
    (r"(a)(b)\k<-1>", "abb", hit(&[Some("abb"), Some("a"), Some("b")])),
    (r"(a)?\1b", "b", None),
    (r"(?i)(a)\1", "aA", hit(&[Some("aA"), Some("a")])),
    (r"(?<p>\((?:[^()]|\g<p>)*\))", "x(a(b)c)", hit(&[Some("(a(b)c)"), Some("(a(b)c)")])),
    (r"(?:\((?:x|\g<0>)*\))", "((x)x)", hit(&[Some("((x)x)")])),
    (r"(a)?(?(1)b|c)", "ab", hit(&[Some("ab"), Some("a")])),
    (r"(?<q>')?x(?(<q>)')", "'x'", hit(&[Some("'x'"), Some("'")])),
    (r"\10", "\x08", hit(&[Some("\x08")])),
    // options
    (r"(?i)abc", "ABC", hit(&[Some("ABC")])),
    (r"a(?i)b|c", "aC", hit(&[Some("aC")])),
    (r"(?:a(?i)b)c", "aBC", None),
    (r"(?i:a)b", "Ab", hit(&[Some("Ab")])),
    (r"(?i)a(?-i)b", "AB", None),
    (r"(?i)é", "É", hit(&[Some("É")])),
    (r"(?i)[a-c]+", "ABC", hit(&[Some("ABC")])),
    (r"(?i)straße", "STRASSE", hit(&[Some("STRASSE")])),
    (r"(?i)strasse", "Straße", hit(&[Some("Straße")])),
    (r"(?i)i̇x", "İX", hit(&[Some("İX")])),
    (r"(?i)office", "oﬃce", hit(&[Some("oﬃce")])),
    (r"(?x) a b # c", "ab", hit(&[Some("ab")])),
    (r"(?x)[ ]\ a", "  a", hit(&[Some("  a")])),
    (r"(?x)a +b", "aab", hit(&[Some("aab")])),
    // escapes
    (r"\/\-\:\é\ ", "/-:é ", hit(&[Some("/-:é ")])),
    (r"\t\n\r\f\v\a\e", "\t\n\r\x0c\x0b\x07\x1b", hit(&[Some("\t\n\r\x0c\x0b\x07\x1b")])),
    (r"\x41\x{42}\u0043\101\0", "ABCA\0", hit(&[Some("ABCA\0")])),
    (r"\xc3\xa9", "é", hit(&[Some("é")])),
    (r"\cA\C-B", "\x01\x02", hit(&[Some("\x01\x02")])),
    (r"\y\Q.\E", "yQaE", hit(&[Some("yQaE")])),
    (r"]}", "]}", hit(&[Some("]}")])),
    (r"a\Kb", "ab", hit(&[Some("b")])),
    (r"\Ga", "ba", None),
    (r"#&~-", "#&~-", hit(&[Some("#&~-")])),
];

#[test]
fn the_dialect_is_rubys() {
    for (pattern, text, expected) in CASES {
        let re = Regex::new(pattern, Flags::default()).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        let mut scratch = re.scratch();
        let found = re.captures(text, &mut scratch).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        let got: Option<Vec<Option<&str>>> =
            found.then(|| (0..=re.names().len()).map(|n| scratch.text(n, text)).collect());
        assert_eq!(got.as_deref(), *expected, "{pattern} on {text:?}");
    }
}

/// Oniguruma agrees with the table wherever its Ruby syntax is that of Joni.
#[test]
fn oniguruma_agrees_with_the_table() {
    // Oniguruma 6.9 has Unicode \w \d \s, Unicode \b under (?a), no (?d) and (?u), calls no group `[a][b]`, repeats no
    // \b, takes no minus after a set, and \y is a text segment boundary; its
    // absent operator stops before the expression, where Onigmo and Joni go on as far as it is not whole.
    let apart = [
        r"\w+",
        r"\W",
        r"\d+",
        r"\s",
        r"[\W_]+",
        r"\b\w+\b",
        r"(?u)\w+",
        r"(?u:\w)\w*",
        r"(?a)[[:alpha:]]+",
        r"(?a)caf\b",
        r"(?<[a][b]>a)(?<INT:n:int>\d)",
        r"(?:\((?:x|\g<0>)*\))",
        r"(?:\b)+a",
        r"\b*a",
        r"[\w-.]+",
        r"\y\Q.\E",
        r"(?~abc)",
        r"(?~abc)",
    ];
    let mut compared = 0;
    for (pattern, text, expected) in CASES.iter().filter(|c| !apart.contains(&c.0)) {
        let re = oniguruma(pattern, false).unwrap_or_else(|e| panic!("Oniguruma does not take {pattern}: {e}"));
        let got: Option<Vec<Option<&str>>> =
            re.captures(text).map(|c| (0..c.len()).map(|n| c.pos(n).map(|(s, e)| &text[s..e])).collect());
        assert_eq!(got.as_deref(), *expected, "{pattern} on {text:?}");
        compared += 1;
    }
    assert!(compared > 100, "only {compared} cases were compared");
}

pub(crate) fn oniguruma(pattern: &str, dot_newline: bool) -> Result<onig::Regex, onig::Error> {
    let options =
        if dot_newline { onig::RegexOptions::REGEX_OPTION_MULTILINE } else { onig::RegexOptions::REGEX_OPTION_NONE };
    onig::Regex::with_options(pattern, options, onig::Syntax::ruby())
}

#[test]
fn errors_say_where() {
    let cases = [
        ("a(b", 1..2, "not closed"),
        ("ab)", 2..3, "unmatched close parenthesis"),
        ("x[ab", 1..2, "char-class"),
        ("x[]", 1..3, "class is empty"),
        ("*a", 0..1, "nothing to repeat"),
        ("a|+", 2..3, "nothing to repeat"),
        ("{2}", 0..3, "nothing to repeat"),
        ("a{3,2}", 1..6, "below its lower bound"),
        ("a{70000}", 1..8, "over 65535"),
        ("a[z-a]", 2..5, "range is empty"),
        (r"[a-\d]", 1..5, "ends in a set"),
        ("[[:nope:]]", 1..9, "POSIX"),
        (r"a\", 1..2, "backslash"),
        ("(?<>a)", 3..4, "empty"),
        ("(?<a", 3..4, "not closed"),
        ("(?<1a>x)", 0..6, "starts with a digit"),
        ("(?P<a>x)", 0..3, "option `P`"),
        ("(?~a*)", 0..6, "absent"),
        ("(?~|a)", 0..3, "absent"),
        ("(?<a>x)\\1", 7..9, "by number"),
        (r"\1", 0..2, "no such group"),
        (r"a\k<x>", 1..6, "called `x`"),
        ("(?<=a+)b", 0..7, "look-behind"),
        ("c(?<!x(?<=b*))b", 6..13, "look-behind"),
        (r"a\p{Nope}", 1..9, "unknown character property `Nope`"),
        (r"\p{a", 0..3, "not closed"),
        (r"a\xff", 1..5, "UTF-8"),
        ("(?#x", 0..3, "not closed"),
    ];
    for (pattern, range, message) in cases {
        let error = Regex::new(pattern, Flags::default()).expect_err(pattern);
        assert!(error.message.contains(message), "{pattern}: {error}");
        assert_eq!(error.range, range, "{pattern}: {error}");
    }
}

#[test]
fn nesting_has_a_limit() {
    let n = parse::NESTING_MAX + 1;
    for (open, close) in [("(", ")"), ("(?:", ")"), ("(?=", ")"), ("[", "]")] {
        let pattern = format!("{}a{}", open.repeat(n), close.repeat(n));
        assert!(parse(&pattern, Flags::default()).unwrap_err().message.contains("nested"), "{open}");
        let fits = format!("{}a{}", open.repeat(n - 1), close.repeat(n - 1));
        assert!(Regex::new(&fits, Flags::default()).is_ok(), "{open}");
    }
    assert!(parse(&format!("a{}", "?*".repeat(n)), Flags::default()).is_err());
}

#[test]
fn any_text_parses_or_fails_but_never_panics() {
    let pieces = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "\\",
        "|",
        "*",
        "+",
        "?",
        "^",
        "$",
        ".",
        "-",
        "&&",
        "a",
        "é",
        "1",
        "2",
        ",",
        "(?",
        "<",
        ">",
        ":",
        "=",
        "!",
        "#",
        "'",
        "[:alpha:]",
        "\\k<",
        "\\g<",
        "\\p{",
        "\\x",
        "\\u",
        "\\c",
        "(?i)",
        "(?x)",
        " ",
        "\n",
        "0",
        "n",
    ];
    let mut random = Random(7);
    let mut compiled = 0;
    for _ in 0..20_000 {
        let pattern: String = (0..random.below(12)).map(|_| pieces[random.below(pieces.len())]).collect();
        match Regex::new(&pattern, Flags::default()) {
            Ok(re) => {
                compiled += 1;
                let mut scratch = re.scratch();
                _ = re.captures("aé1 \n2", &mut scratch);
            }
            Err(e) => assert!(e.range.start <= e.range.end && e.range.end <= pattern.len(), "{pattern:?}: {e:?}"),
        }
    }
    assert!(compiled > 1_000, "only {compiled} patterns were valid");
}

#[test]
fn what_is_too_large_is_written_once() {
    let word = |i: usize| format!("{}{}", char::from(b'a' + (i / 26) as u8), char::from(b'a' + (i % 26) as u8));
    let words: Vec<String> = (0..400).map(|i| format!("{}[0-9a-f]{{1,2}}", word(i))).collect();
    let part = format!("(?:{})", words.join("|"));
    let pattern = format!("^(?<a>{part}) (?<b>{part})(?<c>{part})?(?:x|{part})+ (?<d>{part})$");
    let re = Regex::new(&pattern, Flags::default()).unwrap();
    let mut scratch = re.scratch();
    let text = "aa1 bbf9x cc0 zz";
    assert!(!re.captures(text, &mut scratch).unwrap());
    let text = "aa1 bbf9xcc0 pz7e";
    assert!(!re.captures(text, &mut scratch).unwrap());
    let text = "aa1 bbf9xcc0 oa7e";
    assert!(re.captures(text, &mut scratch).unwrap());
    let got: Vec<_> = (1..=4).map(|n| scratch.text(n, text)).collect();
    assert_eq!(got, [Some("aa1"), Some("bbf9"), None, Some("oa7e")]);
    let once = format!("(?:{})", (0..3000).map(|i| format!("[{i}a-f]x{i}")).collect::<Vec<_>>().join("|"));
    assert!(Regex::new(&once, Flags::default()).unwrap_err().message.contains("too large"));
}

#[test]
fn replacing_is_rubys_gsub() {
    let cases = [
        ("l*", "hello", "-", Some("-h-e--o-")),
        ("a", "bab", r"<\0\&>", Some("b<aa>b")),
        ("(?<x>a)(b)?", "ab", r"\k<x>\2\9", Some("a")),
        ("(a)(b)?", "ab a", r"[\1\2]", Some("[ab] [a]")),
        ("b", "abc", r"(\`|\')", Some("a(a|c)c")),
        (r"\\", r"a\b", r"\\\\", Some(r"a\\b")),
        ("a", "a", r"\n\z\", Some(r"\n\z\")),
        ("x", "abc", "y", None),
        ("^", "a\nb", "> ", Some("> a\n> b")),
        ("é", "éa", "", Some("a")),
    ];
    for (pattern, text, replacement, expected) in cases {
        let re = Regex::new(pattern, Flags::default()).unwrap();
        let replacement = Replacement::new(replacement, &re).unwrap();
        let got = re.replace_all(text, &replacement, &mut re.scratch()).unwrap();
        assert_eq!(got.as_deref(), expected, "{pattern} on {text:?}");
    }
    let re = Regex::new("(?<x>a)", Flags::default()).unwrap();
    assert_eq!(Replacement::new(r"a\k<y>", &re).unwrap_err().range, 1..6);
}

#[test]
fn a_limit_is_neither_match_nor_miss() {
    let re = Regex::with_steps("^(a+)+$", Flags::default(), 1000).unwrap();
    assert_eq!(re.is_match(&("a".repeat(100) + "b")), Err(MatchError::Limit));
    assert_eq!(re.is_match("aaa"), Ok(true));
}

#[test]
fn a_deep_match_gets_a_deep_stack() {
    let re = Regex::new(r"^a(.|\n)*z(?<n>\d)$", Flags::default()).unwrap();
    let long = format!("a{}z7", "x\n".repeat(200_000));
    let mut scratch = re.scratch();
    assert_eq!(re.captures(&long, &mut scratch), Ok(true));
    assert_eq!((scratch.get(0), scratch.text(1, &long)), (Some((0, long.len())), Some("7")));
    assert_eq!(re.is_match(&long), Ok(true));
    assert_eq!(re.captures("az1", &mut scratch), Ok(true));
    assert_eq!(scratch.text(1, "az1"), Some("1"));
    let endless = format!("a{}", "x\n".repeat(5_000_000));
    assert_eq!(re.captures(&endless, &mut scratch), Err(MatchError::Limit));
}

/// A small fixed generator (SplitMix64), so that a failure repeats.
pub(crate) struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}
