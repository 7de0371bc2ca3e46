//! Decimal numbers of any size, as far as events need them: compared, and printed as Ruby's BigDecimal prints them.

use super::value::Value;
use std::cmp::Ordering;

/// `0.digits * 10^exponent`; the digits have neither leading nor trailing zeros, none at all mean zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub negative: bool,
    pub digits: String,
    pub exponent: i64,
}

impl Decimal {
    /// Reads a JSON number or a number as Java prints one (`1.50`, `1E+3`, `-12`).
    pub fn parse(text: &str) -> Option<Decimal> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |r| (true, r));
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].strip_prefix('+').unwrap_or(&rest[at + 1..]).parse::<i64>().ok()?),
            None => (rest, 0),
        };
        let (int, frac) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = [int, frac].concat();
        if all.is_empty() || !all.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = all.trim_start_matches('0');
        let leading = (all.len() - digits.len()) as i64;
        let digits = digits.trim_end_matches('0').to_string();
        if digits.is_empty() {
            return Some(Decimal { negative: false, digits, exponent: 0 });
        }
        let exponent = exponent.checked_add(int.len() as i64)?.checked_sub(leading)?;
        Some(Decimal { negative, digits, exponent })
    }

    /// A number of an event; not for infinities and NaN.
    pub fn of(value: &Value<'_>) -> Option<Decimal> {
        match value {
            Value::Int(i) => Decimal::parse(&i.to_string()),
            Value::Float(x) if x.is_finite() => Decimal::parse(&format!("{x:e}")),
            Value::Number(t) => Decimal::parse(t),
            _ => None,
        }
    }

    /// The part before the point, as digits with a sign; `None` when it would have more than `digits_max` digits.
    pub fn trunc(&self, digits_max: usize) -> Option<String> {
        if self.exponent <= 0 || self.digits.is_empty() {
            return Some("0".into());
        }
        let len = usize::try_from(self.exponent).ok().filter(|l| *l <= digits_max)?;
        let mut out = String::with_capacity(len + 1);
        if self.negative {
            out.push('-');
        }
        let taken = len.min(self.digits.len());
        out.push_str(&self.digits[..taken]);
        out.extend(std::iter::repeat_n('0', len - taken));
        Some(out)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        let sign = |d: &Decimal| {
            if d.digits.is_empty() {
                0
            } else if d.negative {
                -1
            } else {
                1
            }
        };
        let (a, b) = (sign(self), sign(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let size = self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        if a < 0 { size.reverse() } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_ordered_by_value() {
        let sorted = ["-1E+400", "-12", "-1.5", "-0.1", "0", "0.001", "0.1", "1", "1.50", "9", "10", "1E+3", "1001"];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(Decimal::parse(a).cmp(&Decimal::parse(b)), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(Decimal::parse("1.50"), Decimal::parse("15E-1"));
        assert_eq!(Decimal::parse("0.0"), Decimal::parse("-0"));
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "x", "1e", "1.2.3", "+1", "Infinity"] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_whole_part_is_cut_not_rounded() {
        for (from, to) in [("1.99", "1"), ("-1.99", "-1"), ("0.5", "0"), ("12E+2", "1200"), ("1234.5", "1234")] {
            assert_eq!(Decimal::parse(from).unwrap().trunc(100).as_deref(), Some(to), "{from}");
        }
        assert_eq!(Decimal::parse("1E+400").unwrap().trunc(100), None);
    }
}
