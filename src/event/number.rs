//! Numbers as Java prints and Ruby reads them.

use std::fmt::Write;

/// Writes a double as Java's `Double.toString` does: `1.0`, `0.1`, `1.0E20`, `1.0E-7`, `NaN`, `Infinity`.
pub fn write_java_double(x: f64, out: &mut String) {
    if x.is_nan() {
        out.push_str("NaN");
    } else if x.is_infinite() {
        out.push_str(if x > 0.0 { "Infinity" } else { "-Infinity" });
    } else if x == 0.0 {
        out.push_str(if x.is_sign_negative() { "-0.0" } else { "0.0" });
    } else if (1e-3..1e7).contains(&x.abs()) {
        let _ = write!(out, "{x:?}");
    } else {
        // Rust's `{:e}` has the same shortest digits: 1e20, 1.5e-7
        let text = format!("{x:e}");
        let (mantissa, exponent) = text.split_once('e').expect("LowerExp writes an exponent");
        out.push_str(mantissa);
        if !mantissa.contains('.') {
            out.push_str(".0");
        }
        out.push('E');
        out.push_str(exponent);
    }
}

/// The text of Java's `BigDecimal(text).toString()`, for a valid JSON number.
///
/// Source: the scale rules in the BigDecimal documentation: plain notation when scale >= 0 and the adjusted exponent
/// is at least -6, else scientific notation.
pub fn big_decimal(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |r| ("-", r));
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].trim_start_matches('+').parse::<i64>().unwrap_or(0)),
        None => (rest, 0),
    };
    let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: String = [int, frac].concat();
    let digits = digits.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    // a zero has no sign in BigDecimal
    let sign = if digits == "0" { "" } else { sign };
    let scale = frac.len() as i64 - exponent;
    let adjusted = -scale + digits.len() as i64 - 1;
    let mut out = String::from(sign);
    if scale == 0 {
        out.push_str(digits);
    } else if scale > 0 && adjusted >= -6 {
        let scale = scale as usize;
        if digits.len() > scale {
            out.push_str(&digits[..digits.len() - scale]);
            out.push('.');
            out.push_str(&digits[digits.len() - scale..]);
        } else {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', scale - digits.len()));
            out.push_str(digits);
        }
    } else {
        out.push_str(&digits[..1]);
        if digits.len() > 1 {
            out.push('.');
            out.push_str(&digits[1..]);
        }
        if adjusted != 0 {
            let _ = write!(out, "E{adjusted:+}");
        }
    }
    out
}

/// A whole number out of a text as Ruby's `String#to_i` reads it: leading blanks, a sign, digits with single
/// underscores between them; anything else ends it; no digits give 0. `Err` holds the digits when it exceeds 64 bits.
pub fn ruby_to_i(text: &str) -> Result<i64, String> {
    let t = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (negative, t) = match t.as_bytes().first() {
        Some(b'-') => (true, &t[1..]),
        Some(b'+') => (false, &t[1..]),
        _ => (false, t),
    };
    let digits = digits_with_underscores(t);
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Ok(0);
    }
    let signed = if negative { format!("-{digits}") } else { digits.to_string() };
    signed.parse().map_err(|_| signed)
}

/// A double out of a text as Ruby's `String#to_f` reads it; no number gives 0.0.
pub fn ruby_to_f(text: &str) -> f64 {
    let t = text.trim_start_matches([' ', '\t', '\n', '\x0b', '\x0c', '\r']);
    let (sign, t) = match t.as_bytes().first() {
        Some(b'-') => ("-", &t[1..]),
        Some(b'+') => ("", &t[1..]),
        _ => ("", t),
    };
    let int = digits_with_underscores(t);
    if int.is_empty() && !t.strip_prefix('.').is_some_and(|f| f.starts_with(|c: char| c.is_ascii_digit())) {
        return 0.0;
    }
    let mut number = format!("{sign}0{int}");
    let mut rest = &t[underscored_len(t)..];
    if let Some(after) = rest.strip_prefix('.') {
        let frac = digits_with_underscores(after);
        if !frac.is_empty() {
            number.push('.');
            number.push_str(&frac);
            rest = &after[underscored_len(after)..];
        }
    }
    if let Some(after) = rest.strip_prefix(['e', 'E']) {
        let (esign, after) = match after.as_bytes().first() {
            Some(b'-') => ("-", &after[1..]),
            Some(b'+') => ("", &after[1..]),
            _ => ("", after),
        };
        let exp = digits_with_underscores(after);
        if !exp.is_empty() {
            number.push('e');
            number.push_str(esign);
            number.push_str(&exp);
        }
    }
    number.parse().unwrap_or(0.0)
}

/// Length of a run of digits in which single underscores may stand between digits.
fn underscored_len(t: &str) -> usize {
    let b = t.as_bytes();
    let mut at = 0;
    while at < b.len() {
        let joins = b[at] == b'_' && at > 0 && b[at - 1] != b'_' && b.get(at + 1).is_some_and(u8::is_ascii_digit);
        if b[at].is_ascii_digit() || joins {
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn digits_with_underscores(t: &str) -> String {
    t[..underscored_len(t)].chars().filter(|c| *c != '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        for (x, text) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e20, "1.0E20"),
            (1e-7, "1.0E-7"),
            (1.5e-7, "1.5E-7"),
            (123456789.12345679, "1.2345678912345679E8"),
            (9999999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (-0.0, "-0.0"),
            (f64::INFINITY, "Infinity"),
        ] {
            let mut out = String::new();
            write_java_double(x, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn decimals_print_as_in_java() {
        for (from, to) in [
            ("1.50", "1.50"),
            ("1e3", "1E+3"),
            ("1e400", "1E+400"),
            ("0.0000001", "1E-7"),
            ("0.000001", "0.000001"),
            ("-0.0", "0.0"),
            ("12.5e1", "125"),
            ("12.5e2", "1.25E+3"),
            ("1.0E-10", "1.0E-10"),
        ] {
            assert_eq!(big_decimal(from), to, "{from}");
        }
    }

    #[test]
    fn texts_are_read_as_ruby_reads_them() {
        for (t, n) in
            [("12abc", 12), ("1e3", 1), ("0x10", 0), ("abc", 0), ("1_000", 1000), ("", 0), (" -7 ", -7), ("1__0", 1)]
        {
            assert_eq!(ruby_to_i(t), Ok(n), "{t}");
        }
        assert!(ruby_to_i("99999999999999999999").is_err());
        for (t, x) in [
            ("1.5", 1.5),
            ("1e3", 1000.0),
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5e1x", -5.0),
            (".", 0.0),
            ("-2.5e-1x", -0.25),
            ("x", 0.0),
        ] {
            assert_eq!(ruby_to_f(t), x, "{t}");
        }
        assert!(ruby_to_f("1e400").is_infinite());
    }
}
