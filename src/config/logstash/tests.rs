use super::ast::*;
use super::*;
use crate::config::diagnostic::{Diagnostic, Severity};
use crate::config::source::{FileId, SourceMap, Span, Spanned};

fn run(text: &str) -> (Config, Vec<Diagnostic>) {
    parse(FileId(0), text, false)
}

/// Errors as `line:column id`, in the order found.
fn faults(text: &str) -> Vec<String> {
    let mut sources = SourceMap::new();
    let file = sources.add("t", text);
    let (_, diags) = parse(file, text, false);
    diags
        .iter()
        .filter(|d| d.stops_run)
        .map(|d| {
            let at = sources.locate(d.primary.as_ref().expect("every finding of the parser has a place").span);
            format!("{}:{} {}", at.line, at.column, d.id)
        })
        .collect()
}

/// The condition of `if ... { }`, fully parenthesised.
fn grouped(condition: &str) -> Result<String, String> {
    let text = format!("filter {{ if {condition} {{ }} }}");
    let (config, diags) = run(&text);
    if let Some(error) = diags.iter().find(|d| d.stops_run) {
        return Err(error.message.clone());
    }
    let Some(Stmt::Branch(branch)) = config.sections[0].body.first() else { panic!("{config:?}") };
    Ok(show(&branch.arms[0].cond.as_ref().expect("an if has a condition").value))
}

fn show(expr: &Expr) -> String {
    let pair = |a: &Spanned<Expr>, op: &str, b: &Spanned<Expr>| format!("({} {op} {})", show(&a.value), show(&b.value));
    match expr {
        Expr::And(a, b) => pair(a, "and", b),
        Expr::Or(a, b) => pair(a, "or", b),
        Expr::Xor(a, b) => pair(a, "xor", b),
        Expr::Nand(a, b) => pair(a, "nand", b),
        Expr::Not(a) => format!("!{}", show(&a.value)),
        Expr::Compare { op, left, right } => format!("{} {op} {}", rvalue(&left.value), rvalue(&right.value)),
        Expr::Match { negated, left, pattern } => {
            format!("{} {} /{}/", rvalue(&left.value), if *negated { "!~" } else { "=~" }, pattern.value.text)
        }
        Expr::In { negated, item, list } => {
            format!("{} {} {}", rvalue(&item.value), if *negated { "not in" } else { "in" }, rvalue(&list.value))
        }
        Expr::Truthy(value) => rvalue(value),
        Expr::Invalid => "?".into(),
    }
}

fn rvalue(value: &RValue) -> String {
    match value {
        RValue::String(s) => format!("{s:?}"),
        RValue::Number(n) => n.to_string(),
        RValue::Selector(s) => s.clone(),
        RValue::Array(items) => format!("list of {}", items.len()),
        RValue::Regexp(s) => format!("/{s}/"),
        RValue::MethodCall { name, .. } => format!("{}()", name.value),
    }
}

#[test]
fn a_pipeline_becomes_a_tree_with_spans() {
    let text = "input { beats { port => 5044 'host' => \"::\" } }\n# c\nfilter{if [a][b]==\"x\"{drop{}}else{mutate{add_tag=>[ab,'c',-1.50,]}}}";
    let (config, diags) = run(text);
    assert_eq!(diags.len(), 1, "the comma before `]`: {diags:?}");
    let at = |span: Span| &text[span.start as usize..span.end as usize];
    assert_eq!(config.sections.len(), 2);
    assert_eq!((config.sections[1].kind, at(config.sections[1].keyword)), (SectionKind::Filter, "filter"));
    let Stmt::Plugin(beats) = &config.sections[0].body[0] else { panic!() };
    assert_eq!(at(beats.span), "beats { port => 5044 'host' => \"::\" }");
    assert_eq!(
        (at(beats.name.span), at(beats.attrs[0].name.span), at(beats.attrs[0].value.span)),
        ("beats", "port", "5044")
    );
    assert_eq!((beats.attrs[1].name.value.as_str(), at(beats.attrs[1].value.span)), ("host", "\"::\""));
    let Stmt::Branch(branch) = &config.sections[1].body[0] else { panic!() };
    assert_eq!(at(branch.span), &text[text.find("if").unwrap()..text.len() - 1]);
    assert_eq!(at(branch.arms[0].cond.as_ref().unwrap().span), "[a][b]==\"x\"");
    let Stmt::Plugin(mutate) = &branch.arms[1].body[0] else { panic!() };
    let Value::Array(items) = &mutate.attrs[0].value.value else { panic!() };
    assert_eq!(items[0].value, Value::Bareword("ab".into()));
    assert_eq!(items[2].value, Value::Number(Number::Float(-1.5)));
}

#[test]
fn what_the_grammar_takes() {
    let accepted = [
        "",
        " \t\r\n",
        "# only a comment",
        "input{}filter{}output{}input{}",
        "filter { } # to the end",
        "filter { a { } b{}c{} }",
        "filter { 5044 { } _-x { } }",
        "filter { x { a => bb\n# c\nc => \"d\" } }",
        "filter { x { 'a b' => ab 1 => 2 } }",
        "filter { x { a => { b1 => 1 2 => 3 \"c\"=>'d''e'=>f1 # c\n g1 => [] } } }",
        "filter { x { a => [ ] b => {} c => [ [1], {k1 => v1}, json { x => 1 } ] } }",
        "filter { x { a => 1. b => -0 c => \"\n\" } }",
        "filter { x { c => multiline { pattern => \"^x\" what => previous } } }",
        "filter { if[a]{}else if[b]{}elseif [c]{}else{} }",
        "filter { if5{} iffy{} elsewhere{} else_x{} input_x {} }",
        "filter { if [a]# c\n{ } # c\n else # c\n if [b] { } }",
        "filter { if (\n[a] # c\n and [b]) { } }",
        "output { if [a] { a { } } else { if [b] { b { } } } }",
        "filter { x { a => \"it\\\"s\" b => 'it\\'s' c => 'a\\n' } }",
    ];
    for text in accepted {
        assert_eq!(faults(text), [""; 0], "{text}");
    }
}

#[test]
fn what_the_grammar_refuses_with_its_place() {
    let refused = [
        ("x", "1:1 syntax"),
        ("inputs { }", "1:1 syntax"),
        ("\u{feff}input { }", "1:1 syntax"),
        ("input { } }", "1:11 syntax"),
        ("input", "1:6 syntax"),
        ("input {", "1:8 syntax"),
        ("filter { x }", "1:12 syntax"),
        ("filter { x { a => b } }", "1:19 syntax"),
        ("filter { x { a => a-b } }", "1:19 syntax"),
        ("filter { x { a => ab-c } }", "1:21 syntax"),
        ("filter { x { a => } }", "1:19 syntax"),
        ("filter { x { a = 1 } }", "1:16 syntax"),
        ("filter { x { a => 1#c\nb => 2 } }", "1:20 syntax"),
        ("filter { x { a => \"1\"b => 2 } }", "1:22 syntax"),
        ("filter { x { a => 1, b => 2 } }", "1:20 syntax"),
        ("filter { x { a => [1, 2,] } }", "1:25 syntax"),
        ("filter { x { a => [1 2] } }", "1:22 syntax"),
        ("filter { x { a => { \"a\" => 1, \"b\" => 2 } } }", "1:29 syntax"),
        ("filter { x { a => { \"a\" } } }", "1:25 syntax"),
        ("filter { x { a => { \"a\" => 1 \"a\" => 2 } } }", "1:30 duplicate-key"),
        ("filter { x { a => { \"\"m\"\" => 1 } } }", "1:23 syntax"),
        ("filter { x { a => \"b } }\n", "1:19 syntax"),
        ("filter { x { a => 'b\\' } }\n", "1:19 syntax"),
        ("filter { x { a => 09 } }", "1:19 bad-number"),
        ("filter { x { a => 99999999999999999999 } }", "1:19 bad-number"),
        ("filter { x { a => /b/ } }", "1:19 syntax"),
        ("filter { if [a] { } elsif [b] { } }", "1:27 syntax"),
        ("filter { if [a] { } else { } else { } }", "1:30 syntax"),
        ("filter { if { } }", "1:13 syntax"),
        ("filter { // no\n }", "1:10 syntax"),
        ("filter { x\u{a0}{ } }", "1:11 syntax"),
    ];
    for (text, want) in refused {
        let found = faults(text);
        assert_eq!(found.first().map(String::as_str), Some(want), "{text}");
    }
}

#[test]
fn syntax_errors_say_what_was_expected_and_found() {
    let (_, diags) = run("filter { x { a => [1 2] } }");
    assert_eq!(diags[0].message, "Expected one of `#`, `,`, `]` but found `2`");
    let (_, diags) = run("filter { x { a => \"b\n} }\n c => \"d\" }");
    assert!(diags[0].message.starts_with("Expected one of"), "{diags:?}");
    assert_eq!(diags[0].secondary[0].text, "this string goes over several lines: is its closing quote missing?");
}

#[test]
fn conditions_are_grouped_as_the_original_groups_them() {
    let cases = [
        ("[a]", "[a]"),
        ("1", "1"),
        ("\"abc\"", "\"abc\""),
        ("([a])", "[a]"),
        ("![a]", "![a]"),
        ("! ( [a] == 1 )", "![a] == 1"),
        ("!(!([a]))", "!![a]"),
        ("[a]or[b]", "([a] or [b])"),
        ("[a] and [b] or [c]", "(([a] and [b]) or [c])"),
        ("[a] or [b] and [c]", "([a] or ([b] and [c]))"),
        ("[a] and [b] and [c]", "([a] and ([b] and [c]))"),
        ("[a] and [b] or [c] and [d]", "(([a] and [b]) or ([c] and [d]))"),
        // the missing step: only one `and` is closed by `or`
        ("[a] and [b] and [c] or [d]", "([a] and (([b] and [c]) or [d]))"),
        ("([a] and [b] and [c]) or [d]", "(([a] and ([b] and [c])) or [d])"),
        ("[a] xor [b]", "([a] xor [b])"),
        ("[a] nand ([b] xor [c])", "([a] nand ([b] xor [c]))"),
        ("5 == [a][b]", "5 == [a][b]"),
        ("[a] != -1.5", "[a] != -1.5"),
        ("[a]<=1 and [b]>=2", "([a] <= 1 and [b] >= 2)"),
        ("[a] =~ /a\\/b/", "[a] =~ /a\\/b/"),
        ("[a] !~ \"^x\"", "[a] !~ /^x/"),
        ("\"5\" =~ \"5\"", "\"5\" =~ /5/"),
        ("\"x\" in [tags]", "\"x\" in [tags]"),
        ("\"x\" not  in [tags]", "\"x\" not in [tags]"),
        ("[a] in [1, 2]", "[a] in list of 2"),
        // a list of one literal is a selector, quotes and all
        ("[a] in [\"x\"]", "[a] in [\"x\"]"),
        ("[a] in []", "[a] in list of 0"),
        ("'foo' in ['foo','bar']", "\"foo\" in list of 2"),
        ("[a] == [\"x\", \"y\"]", "[a] == \"x\""),
        ("not([a])", "[a]"),
        ("fn(1, [a])", "[a]"),
    ];
    for (condition, want) in cases {
        assert_eq!(grouped(condition).as_deref(), Ok(want), "{condition}");
    }
}

#[test]
fn what_has_no_effect_is_said_and_runs() {
    for condition in ["not([a])", "[a] == [\"x\", \"y\"]"] {
        let (_, diags) = run(&format!("filter {{ if {condition} {{ }} }}"));
        assert_eq!(diags.len(), 1);
        assert_eq!((diags[0].id, diags[0].severity, diags[0].stops_run), (CONDITION_IGNORED, Severity::Error, false));
    }
}

#[test]
fn conditions_that_are_refused() {
    let syntax = [
        "[a] = 1",
        "a == 1",
        "[a] ==",
        "[a] && [b]",
        "([a]",
        "[a] == 1 [b] == 2",
        "[a] == {\"x\" => 1}",
        "[a] == nil",
        "[a] == true",
        "[a] in (1,2)",
        "\"a\" \"b\"",
        "not [a] == 1",
        "not [a]",
        "[a][] == 1",
        "[a == 1",
        "[a] > 1 > 0",
        "![a] == 1",
        "!\"a\"",
        "[a] =~ [b]",
        "[a] not\tin [b]",
        "not([a] == 1)",
        "",
        "[a] and",
        "/a",
    ];
    for condition in syntax {
        let message = grouped(condition).expect_err(condition);
        assert!(message.starts_with("Expected one of"), "{condition}: {message}");
    }
    let compile = [
        "[] == 1",
        "[a] and [b] xor [c]",
        "[a] xor [b] xor [c]",
        "[a] nand [b] or [c]",
        "\"a\" and [b]",
        "!(\"a\")",
        "[a] == /x/",
        "5 =~ /x/",
        "/x/",
        "fn()",
        "fn([a], [b])",
        "[1, 2]",
        "[\"x\", \"y\"] == [a]",
        "[1, 2] in [a]",
        "[a] in /x/",
    ];
    for condition in compile {
        let message = grouped(condition).expect_err(condition);
        assert!(!message.starts_with("Expected one of"), "{condition}: {message}");
    }
}

#[test]
fn escapes_are_processed_only_when_asked() {
    let text = r#"filter { x { a => "q\"\'\\ \n\r\t\0 \d é\é" } }"#;
    for (support, want) in [(false, r#"q\"\'\\ \n\r\t\0 \d é\é"#), (true, "q\"'\\ \n\r\t\0 \\d é\\é")] {
        let (config, diags) = parse(FileId(0), text, support);
        assert!(diags.is_empty());
        let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!() };
        assert_eq!(plugin.attrs[0].value.value, Value::String(want.into()));
    }
}

#[test]
fn the_last_of_two_keys_with_different_quotes_wins() {
    let (config, diags) = run("filter { x { a => { \"k\" => 1 b1 => 2 'k' => 3 } } }");
    assert!(diags.len() == 1 && !diags[0].stops_run);
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!() };
    let Value::Hash(entries) = &plugin.attrs[0].value.value else { panic!() };
    assert_eq!(
        entries.iter().map(|e| (e.key.value.as_str(), e.value.value.clone())).collect::<Vec<_>>(),
        [("k", Value::Number(Number::Int(3))), ("b1", Value::Number(Number::Int(2)))]
    );
}

#[test]
fn numbers_print_as_ruby_prints_them() {
    let cases = [
        (5.0, "5.0"),
        (0.25, "0.25"),
        (1e15, "1000000000000000.0"),
        (1e16, "1.0e+16"),
        (1.5e-5, "1.5e-05"),
        (1e-4, "0.0001"),
    ];
    for (float, want) in cases {
        assert_eq!(Number::Float(float).to_string(), want);
    }
    let (config, diags) = run("filter { x { a => 010 } }");
    assert_eq!(diags[0].id, "octal-number");
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!() };
    assert_eq!(plugin.attrs[0].value.value, Value::Number(Number::Int(8)));
}

#[test]
fn every_mistake_is_reported_in_one_run() {
    let text = "\
input {
  beats { port = 5044 }
  stdin { codec => json { a => } type => x }
}
filter {
  if [a] = 1 {
    mutate { add_tag => [\"a\" \"b\"] bad-value => /x/
             replace => { \"a\" => \"b\", \"c\" => \"d\", } }
  } elsif [b] { drop { } }
  grok { match => { \"message\" => } add_tag => ok }
  if not [c] { drop { x } }
  => nonsense
  date { match => [ \"a\", ] target => é }
}
nonsense { }
output {
  stdout { codec => rubydebug { a } }
  else { null { } }
";
    let found = faults(text);
    let lines: Vec<usize> = found.iter().map(|f| f.split(':').next().unwrap().parse().unwrap()).collect();
    for line in [2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 15, 17, 18] {
        assert!(lines.contains(&line), "line {line} is reported: {found:?}");
    }
    assert!(found.len() <= 26, "mistakes do not multiply: {found:?}");
}

#[test]
fn fifty_mistakes_give_fifty_errors() {
    let body: String = (0..50).map(|i| format!("  mutate {{\n    a{i} = 1\n    good{i} => 2\n  }}\n")).collect();
    let text = format!("filter {{\n{body}}}\n");
    assert_eq!(faults(&text).len(), 50);
    let (config, _) = run(&text);
    assert_eq!(config.statements(SectionKind::Filter).count(), 50, "all that could be read is there");
}

#[test]
fn what_follows_a_mistake_is_read() {
    let cases = [
        "filter { a { x = 1 } b { } }",
        "filter { a { x => [1, } b { } }\n",
        "filter { if [x] { a { \n } else { c { } } \n b { } }",
        "filter { a { x => \"open\n }\n b { } }\n",
        "filter { if [x] == { a { } } b { } }",
    ];
    for text in cases {
        let (config, diags) = run(text);
        assert!(!diags.is_empty(), "{text}");
        let named_b =
            config.statements(SectionKind::Filter).any(|s| matches!(s, Stmt::Plugin(p) if p.name.value == "b"));
        assert!(named_b, "{text}: {config:#?}\n{diags:?}");
    }
}

#[test]
fn deep_nesting_is_refused_not_crashed() {
    let deep = 100_000;
    let texts = [
        format!("filter {{ x {{ a => {} }} }}", "[".repeat(deep)),
        format!("filter {{ x {{ a => {} }} }}", "{a1=>".repeat(deep)),
        format!("filter {{ {} }}", "if [a] {".repeat(deep)),
        format!("filter {{ if {} }}", "(".repeat(deep)),
        format!("filter {{ if {} }}", "!(".repeat(deep)),
        format!("filter {{ if {} }}", "ab(".repeat(deep)),
        format!("input {{ x {{ {} }} }}", "a => b { ".repeat(deep)),
    ];
    for text in texts {
        let (_, diags) = run(&text);
        assert!(diags.iter().any(|d| d.id == "nesting-too-deep"), "{:?}", diags.first());
        assert!(diags.len() <= SYNTAX_ERRORS_MAX + 1);
    }
    let fits =
        format!("filter {{ if {}[a]{} {{ }} }}", "(".repeat(NESTING_DEPTH_MAX - 5), ")".repeat(NESTING_DEPTH_MAX - 5));
    assert_eq!(faults(&fits), [""; 0]);
}

#[test]
fn the_errors_of_one_text_are_limited() {
    let text = format!("filter {{ {} }}", "a { b }\n".repeat(SYNTAX_ERRORS_MAX * 2));
    let (_, diags) = run(&text);
    assert_eq!(diags.len(), SYNTAX_ERRORS_MAX);
    assert!(diags.last().unwrap().notes[0].contains("was not read"));
}

#[test]
fn a_part_of_a_string_is_located() {
    let text = "filter { x { a => \"ab%{C}\" } }";
    let mut sources = SourceMap::new();
    let file = sources.add("t", text);
    let (config, _) = parse(file, text, false);
    let Stmt::Plugin(plugin) = &config.sections[0].body[0] else { panic!() };
    let value = &plugin.attrs[0].value;
    assert_eq!(sources.text(part_span(&sources, value.span, "ab%{C}", 2..6)), "%{C}");
    assert_eq!(part_span(&sources, value.span, "changed", 2..6), value.span);
}

/// Marsaglia's xorshift64: small, and the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

/// Every span of a tree lies in the text, at the borders of characters.
fn check_spans(config: &Config, text: &str) {
    let inside = |span: Span| {
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?} lies in the text");
    };
    fn value(v: &Spanned<Value>, inside: &dyn Fn(Span)) {
        inside(v.span);
        match &v.value {
            Value::Plugin(p) => plugin(p, inside),
            Value::Array(items) => items.iter().for_each(|item| value(item, inside)),
            Value::Hash(entries) => entries.iter().for_each(|e| {
                inside(e.key.span);
                value(&e.value, inside);
            }),
            Value::Bareword(_) | Value::String(_) | Value::Number(_) => {}
        }
    }
    fn plugin(p: &Plugin, inside: &dyn Fn(Span)) {
        inside(p.span);
        inside(p.name.span);
        for attr in &p.attrs {
            inside(attr.name.span);
            value(&attr.value, inside);
        }
    }
    fn body(stmts: &[Stmt], inside: &dyn Fn(Span)) {
        for stmt in stmts {
            match stmt {
                Stmt::Plugin(p) => plugin(p, inside),
                Stmt::Branch(b) => {
                    inside(b.span);
                    for arm in &b.arms {
                        inside(arm.span);
                        arm.cond.iter().for_each(|cond| inside(cond.span));
                        body(&arm.body, inside);
                    }
                }
            }
        }
    }
    for section in &config.sections {
        inside(section.span);
        inside(section.keyword);
        body(&section.body, &inside);
    }
}

const SEEDS: [&str; 3] = [
    "input { beats { port => 5044 codec => json { charset => \"UTF-8\" } } stdin {} }\n\
     filter {\n  if [a][b] == \"x\" and !([c] =~ /^\\{/) or \"t\" not in [tags] { grok { match => { \"message\" => \"%{X:y}\" } } }\n\
     else if ([n] > 5.5 xor [m]) { mutate { add_tag => [ \"a\", 'b', 1 ] # 解析\n } } else { drop { } }\n}\noutput { stdout { } }\n",
    "filter { x { a => { k1 => v1 2 => \"w\" 's' => { n1 => [ [], {} ] } } 'q' => -1. } if f1([a], 3) in [\"x\", y1] { } }",
    "# c\r\ninput{a{b=>cc}}filter{if[x]{y{}}elseif [z]{}}output{\"p\" {a=>\"\\\"\" b=>'\\''}}",
];

/// `FUZZ_SEED=n` replays one seed, `FUZZ_ROUNDS=n` runs longer.
#[test]
fn mutated_texts_never_panic_and_every_finding_has_a_place() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let rounds = number("FUZZ_ROUNDS").unwrap_or(3_000);
    let first = number("FUZZ_SEED");
    let pieces = [
        "{", "}", "[", "]", "(", ")", "\"", "'", "=>", ",", "#", "\n", "if ", "else ", "input {", "!", "/", "\\", "解",
        "=~", "in ", "-",
    ];
    for round in 0..first.map_or(rounds, |_| 1) {
        let seed = first.unwrap_or(round + 1);
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let mut text: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
        for _ in 0..=random.below(8) {
            let at = random.below(text.len() + 1);
            match random.below(4) {
                0 => text.truncate(at),
                1 => drop(text.drain(at..(at + random.below(12)).min(text.len()))),
                2 => {
                    let end = (at + random.below(40)).min(text.len());
                    let copied = text[at..end].to_vec();
                    let to = random.below(text.len() + 1);
                    text.splice(to..to, copied);
                }
                _ => drop(text.splice(at..at, pieces[random.below(pieces.len())].chars())),
            }
        }
        let text: String = text.into_iter().collect();
        let result = std::panic::catch_unwind(|| {
            let (config, diags) = parse(FileId(0), &text, random.0 & 1 == 0);
            check_spans(&config, &text);
            for diag in &diags {
                let span = diag.primary.as_ref().expect("a place").span;
                assert!(text.get(span.start as usize..span.end as usize).is_some(), "{diag:?}");
            }
        });
        assert!(result.is_ok(), "FUZZ_SEED={seed} fails on:\n{text}");
    }
}
