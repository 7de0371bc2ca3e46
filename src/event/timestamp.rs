//! placeholder replaced at merge
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    pub secs: i64,
    pub nanos: u32,
}
impl Timestamp {
    pub fn epoch_secs(&self) -> i64 {
        self.secs
    }
    pub fn parse(_: &str) -> Option<Timestamp> {
        None
    }
    pub fn subsec_nanos(&self) -> u32 {
        self.nanos
    }
    pub fn write_iso(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes())
    }
}
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.secs)
    }
}
