//! placeholder replaced at merge
use super::Timestamp;
#[derive(Debug)]
pub struct JodaFormat;
#[derive(Debug)]
pub struct JavaFormat;
impl JodaFormat {
    pub fn compile(_: &str) -> Result<Self, String> {
        Ok(JodaFormat)
    }
    pub fn format(&self, _: Timestamp, _: &mut String) {}
}
impl JavaFormat {
    pub fn compile(_: &str) -> Result<Self, String> {
        Ok(JavaFormat)
    }
    pub fn format(&self, _: Timestamp, _: &mut String) {}
}
