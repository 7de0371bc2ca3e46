use super::*;

#[test]
fn smoke() {
    let re = Regex::new(r"(?<a>\h+)-(x)", Flags::default()).unwrap();
    let mut s = re.scratch();
    assert!(re.captures("zz 1f-x", &mut s).unwrap());
    assert_eq!(s.text(1, "zz 1f-x"), Some("1f"));
}
