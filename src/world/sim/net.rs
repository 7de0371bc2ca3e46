//! The simulated network: one HTTP exchange at a time to services that live outside the process.
//!
//! A request that was sent arrives even if its sender is dead by then; whether the answer comes back is another matter.

use super::clock::SimClock;
use super::process::Process;
use super::random::Rng;
use super::trace::Trace;
use crate::world::net::{BodyStream, ByteStream, Listener, NetError, Request, Response};
use crate::world::{BoxFuture, Net};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;

/// Longest way of a request or an answer when nothing is wrong.
const TRAVEL_TIME_MAX: Duration = Duration::from_millis(20);
/// Longest way when the network is slow.
const SLOW_TIME_MAX: Duration = Duration::from_secs(90);

/// What a service says to a request.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Something that answers at an address.
pub trait Service: Send {
    fn answer(&mut self, request: &Request) -> Answer;
}

/// How often things go wrong, in so many of a thousand exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NetFaults {
    /// Nothing is sent.
    pub refused: u64,
    /// The request never arrives.
    pub request_lost: u64,
    /// The request is carried out, the answer never arrives.
    pub answer_lost: u64,
    /// The request is carried out, the connection breaks before or in the middle of the answer.
    pub broken: u64,
    /// Either way takes up to 90 s.
    pub slow: u64,
}

struct Inner {
    clock: SimClock,
    trace: Trace,
    rng: Mutex<Rng>,
    faults: Mutex<NetFaults>,
    services: Mutex<BTreeMap<String, Arc<Mutex<dyn Service>>>>,
}

/// The network between all processes; cheap to clone.
#[derive(Clone)]
pub struct SimNet(Arc<Inner>);

type Outcome = Result<(Answer, bool), NetError>;

#[derive(Default)]
struct Slot {
    outcome: Option<Outcome>,
    waker: Option<Waker>,
}

fn put(slot: &Mutex<Slot>, outcome: Outcome) {
    let mut slot = slot.lock().expect("never poisoned");
    // the first outcome counts: a timeout, or the answer
    slot.outcome.get_or_insert(outcome);
    if let Some(waker) = slot.waker.take() {
        waker.wake();
    }
}

impl SimNet {
    pub fn new(clock: SimClock, trace: Trace, rng: Rng) -> SimNet {
        let (rng, faults, services) = (Mutex::new(rng), Mutex::default(), Mutex::default());
        SimNet(Arc::new(Inner { clock, trace, rng, faults, services }))
    }

    /// Opens an address, `host:port`.
    pub fn serve(&self, address: &str, service: Arc<Mutex<dyn Service>>) {
        self.0.services.lock().expect("never poisoned").insert(address.to_string(), service);
    }

    pub fn set_faults(&self, faults: NetFaults) {
        *self.0.faults.lock().expect("never poisoned") = faults;
    }

    /// The network as one process sees it.
    pub fn door(&self, process: &Arc<Process>) -> Arc<dyn Net> {
        Arc::new(Door { net: self.clone(), process: Arc::clone(process) })
    }

    fn begin(&self, request: Request, process: &Arc<Process>, slot: &Arc<Mutex<Slot>>) {
        let net = &self.0;
        let address = request.url.split("://").nth(1).unwrap_or("").split('/').next().unwrap_or("").to_string();
        let service = net.services.lock().expect("never poisoned").get(&address).cloned();
        let faults = *net.faults.lock().expect("never poisoned");
        let mut rng = net.rng.lock().expect("never poisoned");
        let later = |time: Duration, outcome: Outcome| {
            let slot = Arc::clone(slot);
            net.clock.after(time, move || put(&slot, outcome));
        };
        let travel = |rng: &mut Rng| {
            let slow = rng.chance(faults.slow);
            rng.short_time(if slow { SLOW_TIME_MAX } else { TRAVEL_TIME_MAX })
        };
        let (there, back) = (travel(&mut rng), travel(&mut rng));
        let Some(service) = service.filter(|_| !rng.chance(faults.refused)) else {
            net.trace.say(&net.clock, || format!("net: {address} refused"));
            return later(there, Err(NetError::Connect("connection refused".into())));
        };
        later(request.timeout, Err(NetError::Timeout));
        if rng.chance(faults.request_lost) {
            net.trace.say(&net.clock, || format!("net: request to {address} lost"));
            return;
        }
        let lost = rng.chance(faults.answer_lost);
        let broken = rng.chance(faults.broken);
        let half = rng.chance(500);
        let (this, process, slot) = (self.clone(), Arc::clone(process), Arc::clone(slot));
        net.clock.after(there, move || {
            let net = &this.0;
            let answer = service.lock().expect("never poisoned").answer(&request);
            process.point("request applied");
            if lost || (broken && !half) {
                net.trace.say(&net.clock, || format!("net: answer {} lost", answer.status));
                if broken {
                    net.clock.after(back, move || put(&slot, Err(NetError::Broken("reset by peer".into()))));
                }
                return;
            }
            net.clock.after(back, move || put(&slot, Ok((answer, broken))));
        });
    }
}

struct Door {
    net: SimNet,
    process: Arc<Process>,
}

/// A body that may break in the middle.
struct Body {
    pieces: Vec<Result<Bytes, NetError>>,
}

impl BodyStream for Body {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, NetError>> {
        let piece = self.pieces.pop().transpose();
        Box::pin(async move { piece })
    }
}

impl Net for Door {
    fn exchange(&self, request: Request) -> BoxFuture<'static, Result<Response, NetError>> {
        let slot = Arc::new(Mutex::new(Slot::default()));
        if !self.process.is_dead() {
            self.net.begin(request, &self.process, &slot);
            self.process.point("request sent");
        }
        let process = Arc::clone(&self.process);
        Box::pin(async move {
            let outcome = poll_fn(|cx| {
                let mut slot = slot.lock().expect("never poisoned");
                match slot.outcome.take() {
                    Some(outcome) => Poll::Ready(outcome),
                    None => {
                        slot.waker = Some(cx.waker().clone());
                        Poll::Pending
                    }
                }
            })
            .await;
            process.point("answer received");
            let (answer, broken) = outcome?;
            let middle = answer.body.len() / 2;
            let body = Bytes::from(answer.body);
            // last first
            let pieces = if broken {
                vec![Err(NetError::Broken("reset by peer".into())), Ok(body.slice(..middle))]
            } else {
                vec![Ok(body.slice(middle..)), Ok(body.slice(..middle))]
            };
            Ok(Response { status: answer.status, headers: answer.headers, body: Box::new(Body { pieces }) })
        })
    }

    fn connect(&self, _address: &str, _timeout: Duration) -> BoxFuture<'static, io::Result<Box<dyn ByteStream>>> {
        Box::pin(async { Err(io::Error::new(io::ErrorKind::Unsupported, "the simulated world has no byte streams")) })
    }

    fn listen(&self, _address: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Err(io::Error::new(io::ErrorKind::Unsupported, "the simulated world has no byte streams")) })
    }
}
