//! What Java itself printed (OpenJDK 17, `DateTimeFormatter.ofPattern(.., Locale.US).withZone(UTC)`): every letter
//! with every count from one to five that it may have, at seven instants.

use super::*;

static PATTERNS: [&str; 5] = [
    "G|u|y|D|M|L|d|Q|q|Y|w|W|E|e|c|a|B|h|K|k|H|m|s|S|A|n|N|v|z|O|X|x|Z|g",
    "GG|uu|yy|DD|MM|LL|dd|QQ|qq|YY|ww|EE|ee|hh|KK|kk|HH|mm|ss|SS|AA|nn|NN|VV|zz|XX|xx|ZZ|gg",
    "GGG|uuu|yyy|DDD|MMM|LLL|QQQ|qqq|YYY|EEE|eee|ccc|SSS|AAA|nnn|NNN|zzz|XXX|xxx|ZZZ|ggg",
    "GGGG|uuuu|yyyy|MMMM|LLLL|QQQQ|qqqq|YYYY|EEEE|eeee|cccc|BBBB|SSSS|AAAA|nnnn|NNNN|vvvv|zzzz|OOOO|XXXX|xxxx|ZZZZ|gggg",
    "GGGGG|uuuuu|yyyyy|MMMMM|LLLLL|QQQQQ|qqqqq|YYYYY|EEEEE|eeeee|ccccc|BBBBB|SSSSS|AAAAA|nnnnn|NNNNN|XXXXX|xxxxx|ZZZZZ|ggggg",
];

/// Instant, and what each of `PATTERNS` gives.
static PRINTED: [(&str, [&str; 5]); 7] = [
    (
        "2024-03-05T07:08:09.123Z",
        [
            "AD|2024|2024|65|3|3|5|1|1|2024|10|2|Tue|3|3|AM|in the morning|7|7|7|7|8|9|1|25689123|123000000|25689123000000|Z|Z|GMT|Z|+00|+0000|60374",
            "AD|24|24|65|03|03|05|01|01|24|10|Tue|03|07|07|07|07|08|09|12|25689123|123000000|25689123000000|Z|Z|Z|+0000|+0000|60374",
            "AD|2024|2024|065|Mar|Mar|Q1|Q1|2024|Tue|Tue|Tue|123|25689123|123000000|25689123000000|Z|Z|+00:00|+0000|60374",
            "Anno Domini|2024|2024|March|March|1st quarter|1st quarter|2024|Tuesday|Tuesday|Tuesday|in the morning|1230|25689123|123000000|25689123000000|Z|Z|GMT|Z|+0000|GMT|60374",
            "A|02024|02024|M|M|1|1|02024|T|T|T|in the morning|12300|25689123|123000000|25689123000000|Z|+00:00|Z|60374",
        ],
    ),
    (
        "2024-12-31T23:59:59.999999999Z",
        [
            "AD|2024|2024|366|12|12|31|4|4|2025|1|5|Tue|3|3|PM|at night|11|11|23|23|59|59|9|86399999|999999999|86399999999999|Z|Z|GMT|Z|+00|+0000|60675",
            "AD|24|24|366|12|12|31|04|04|25|01|Tue|03|11|11|23|23|59|59|99|86399999|999999999|86399999999999|Z|Z|Z|+0000|+0000|60675",
            "AD|2024|2024|366|Dec|Dec|Q4|Q4|2025|Tue|Tue|Tue|999|86399999|999999999|86399999999999|Z|Z|+00:00|+0000|60675",
            "Anno Domini|2024|2024|December|December|4th quarter|4th quarter|2025|Tuesday|Tuesday|Tuesday|at night|9999|86399999|999999999|86399999999999|Z|Z|GMT|Z|+0000|GMT|60675",
            "A|02024|02024|D|D|4|4|02025|T|T|T|at night|99999|86399999|999999999|86399999999999|Z|+00:00|Z|60675",
        ],
    ),
    (
        "-0001-01-02T00:00:00Z",
        [
            "BC|-1|2|2|1|1|2|1|1|-1|1|1|Sat|7|7|AM|midnight|12|0|24|0|0|0|0|0|0|0|Z|Z|GMT|Z|+00|+0000|-679305",
            "BC|01|02|02|01|01|02|01|01|01|01|Sat|07|12|00|24|00|00|00|00|00|00|00|Z|Z|Z|+0000|+0000|-679305",
            "BC|-001|002|002|Jan|Jan|Q1|Q1|-001|Sat|Sat|Sat|000|000|000|000|Z|Z|+00:00|+0000|-679305",
            "Before Christ|-0001|0002|January|January|1st quarter|1st quarter|-0001|Saturday|Saturday|Saturday|midnight|0000|0000|0000|0000|Z|Z|GMT|Z|+0000|GMT|-679305",
            "B|-00001|00002|J|J|1|1|-00001|S|S|S|mi|00000|00000|00000|00000|Z|+00:00|Z|-679305",
        ],
    ),
    (
        "+12345-06-07T12:00:00.5Z",
        [
            "AD|12345|12345|158|6|6|7|2|2|12345|23|2|Thu|5|5|PM|noon|12|0|12|12|0|0|5|43200500|500000000|43200500000000|Z|Z|GMT|Z|+00|+0000|3830135",
            "AD|45|45|158|06|06|07|02|02|45|23|Thu|05|12|00|12|12|00|00|50|43200500|500000000|43200500000000|Z|Z|Z|+0000|+0000|3830135",
            "AD|12345|12345|158|Jun|Jun|Q2|Q2|12345|Thu|Thu|Thu|500|43200500|500000000|43200500000000|Z|Z|+00:00|+0000|3830135",
            "Anno Domini|+12345|+12345|June|June|2nd quarter|2nd quarter|+12345|Thursday|Thursday|Thursday|noon|5000|43200500|500000000|43200500000000|Z|Z|GMT|Z|+0000|GMT|3830135",
            "A|12345|12345|J|J|2|2|12345|T|T|T|n|50000|43200500|500000000|43200500000000|Z|+00:00|Z|3830135",
        ],
    ),
    (
        "2021-01-03T20:30:00Z",
        [
            "AD|2021|2021|3|1|1|3|1|1|2021|2|2|Sun|1|1|PM|in the evening|8|8|20|20|30|0|0|73800000|0|73800000000000|Z|Z|GMT|Z|+00|+0000|59217",
            "AD|21|21|03|01|01|03|01|01|21|02|Sun|01|08|08|20|20|30|00|00|73800000|00|73800000000000|Z|Z|Z|+0000|+0000|59217",
            "AD|2021|2021|003|Jan|Jan|Q1|Q1|2021|Sun|Sun|Sun|000|73800000|000|73800000000000|Z|Z|+00:00|+0000|59217",
            "Anno Domini|2021|2021|January|January|1st quarter|1st quarter|2021|Sunday|Sunday|Sunday|in the evening|0000|73800000|0000|73800000000000|Z|Z|GMT|Z|+0000|GMT|59217",
            "A|02021|02021|J|J|1|1|02021|S|S|S|in the evening|00000|73800000|00000|73800000000000|Z|+00:00|Z|59217",
        ],
    ),
    (
        "2022-01-01T12:00:30Z",
        [
            "AD|2022|2022|1|1|1|1|1|1|2022|1|1|Sat|7|7|PM|noon|12|0|12|12|0|30|0|43230000|0|43230000000000|Z|Z|GMT|Z|+00|+0000|59580",
            "AD|22|22|01|01|01|01|01|01|22|01|Sat|07|12|00|12|12|00|30|00|43230000|00|43230000000000|Z|Z|Z|+0000|+0000|59580",
            "AD|2022|2022|001|Jan|Jan|Q1|Q1|2022|Sat|Sat|Sat|000|43230000|000|43230000000000|Z|Z|+00:00|+0000|59580",
            "Anno Domini|2022|2022|January|January|1st quarter|1st quarter|2022|Saturday|Saturday|Saturday|noon|0000|43230000|0000|43230000000000|Z|Z|GMT|Z|+0000|GMT|59580",
            "A|02022|02022|J|J|1|1|02022|S|S|S|n|00000|43230000|00000|43230000000000|Z|+00:00|Z|59580",
        ],
    ),
    (
        "2023-10-31T15:04:05.000001Z",
        [
            "AD|2023|2023|304|10|10|31|4|4|2023|44|5|Tue|3|3|PM|in the afternoon|3|3|15|15|4|5|0|54245000|1000|54245000001000|Z|Z|GMT|Z|+00|+0000|60248",
            "AD|23|23|304|10|10|31|04|04|23|44|Tue|03|03|03|15|15|04|05|00|54245000|1000|54245000001000|Z|Z|Z|+0000|+0000|60248",
            "AD|2023|2023|304|Oct|Oct|Q4|Q4|2023|Tue|Tue|Tue|000|54245000|1000|54245000001000|Z|Z|+00:00|+0000|60248",
            "Anno Domini|2023|2023|October|October|4th quarter|4th quarter|2023|Tuesday|Tuesday|Tuesday|in the afternoon|0000|54245000|1000|54245000001000|Z|Z|GMT|Z|+0000|GMT|60248",
            "A|02023|02023|O|O|4|4|02023|T|T|T|in the afternoon|00000|54245000|01000|54245000001000|Z|+00:00|Z|60248",
        ],
    ),
];

fn print(pattern: &str, at: &str) -> String {
    let mut out = String::new();
    JavaFormat::compile(pattern).expect(pattern).format(Timestamp::parse(at).expect(at), &mut out);
    out
}

#[test]
fn prints_as_java() {
    for (at, wanted) in &PRINTED {
        for (pattern, want) in PATTERNS.iter().zip(wanted) {
            let got = print(pattern, at);
            for ((letter, got), want) in pattern.split('|').zip(got.split('|')).zip(want.split('|')) {
                assert_eq!(got, want, "{letter} at {at}");
            }
            assert_eq!(got, *want, "{pattern} at {at}");
        }
    }
}

#[test]
fn text_sections_and_widths() {
    for (pattern, want) in [
        ("", ""),
        ("''", "'"),
        ("'it''s' yyyy", "it's 2024"),
        ("yyyy''MM", "2024'03"),
        ("[[yyyy]MM]-[", "202403-"),
        ("dMy", "532024"),
        ("yyyyyyyyyyyyyyyyyyy", "0000000000000002024"),
        ("SSSSSSSSS", "123000000"),
        ("yyyy年", "2024年"),
        // Java 17 counts this one otherwise; Logstash 8 carries Java 21
        ("F", "1"),
    ] {
        assert_eq!(print(pattern, "2024-03-05T07:08:09.123Z"), want, "{pattern}");
    }
}

#[test]
fn refuses_what_java_refuses() {
    for (pattern, why) in [
        ("bad pattern", "Unknown pattern letter: b"),
        ("R", "Unknown pattern letter: R"),
        ("'x", "Pattern ends with an incomplete string literal: 'x"),
        ("yyyy]", "Pattern invalid as it contains ] without previous ["),
        ("{", "Pattern includes reserved character: '{'"),
        ("#", "Pattern includes reserved character: '#'"),
        ("cc", "Invalid pattern \"cc\""),
        ("VVV", "Pattern letter count must be 2: V"),
        ("OO", "Pattern letter count must be 1 or 4: O"),
        ("BB", "Wrong number of pattern letters: B"),
        ("DDDD", "Too many pattern letters: D"),
        ("aa", "Too many pattern letters: a"),
        ("zzzzz", "Too many pattern letters: z"),
        ("SSSSSSSSSS", "Minimum width must be from 0 to 9 inclusive but was 10"),
        ("yyyyyyyyyyyyyyyyyyyy", "The minimum width must be from 1 to 19 inclusive but was 20"),
        ("pppH", "the pad letter `p` is not supported yet"),
    ] {
        assert_eq!(JavaFormat::compile(pattern).unwrap_err().to_string(), why);
    }
}
