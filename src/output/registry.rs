//! STUB not committed
use super::*;
use crate::config::build::BuildCx;
use crate::config::logstash::ast::Plugin;
use crate::output::local::Summary;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
pub struct Extras {
    pub strict: bool,
    pub data_dir: PathBuf,
    pub local: Option<(PathBuf, Summary)>,
    pub stdout: Option<Box<dyn Write + Send>>,
    pub repairs: Vec<String>,
}
impl Extras {
    pub fn for_looking() -> Extras {
        Extras { strict: false, data_dir: PathBuf::new(), local: None, stdout: None, repairs: vec![] }
    }
}
struct Out(Mutex<Box<dyn Write + Send>>);
impl Output for Out {
    fn plugin(&self) -> &'static str {
        "stdout"
    }
    fn encode(&self, events: &Selected<'_>, parcel: &mut Parcel) {
        for e in events.iter() {
            parcel.add(e, false, |out| {
                let a = out.len();
                write_document(e, out);
                out.push(b'\n');
                a..out.len()
            });
        }
    }
    fn deliver<'a>(&'a self, parcel: Parcel) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut w = self.0.lock().unwrap();
            w.write_all(&parcel.body).unwrap();
            w.flush().unwrap();
            parcel.ack.delivered(parcel.items.len() as u64);
        })
    }
}
pub fn build(_p: &Plugin, _cx: &mut BuildCx<'_>, _o: OutputCx, x: &mut Extras) -> Option<Arc<dyn Output>> {
    Some(Arc::new(Out(Mutex::new(x.stdout.take().unwrap_or(Box::new(std::io::sink()))))))
}
pub fn default_stdout(x: &mut Extras, _o: OutputCx) -> Arc<dyn Output> {
    Arc::new(Out(Mutex::new(x.stdout.take().unwrap_or(Box::new(std::io::sink())))))
}
pub fn from_filebeat(
    _o: &crate::config::filebeat::outputs::OutputConfig,
    _f: &crate::config::filebeat::Filebeat,
    _x: &Extras,
    _c: OutputCx,
) -> Option<Arc<dyn Output>> {
    None
}
