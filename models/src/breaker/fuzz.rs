//! The breaker told anything: the subject of [`crate::fuzz`], its world by bytes, and the decoders of its data.

use std::time::Duration;

use arbitrary::{Arbitrary, Result as Drawn, Unstructured};
use quorate::durable::Corrupt;
use quorate::id::RequestId;
use quorate::machine::{Input, InputOf, Machine, Recorder};
use quorate::resilience::breaker::{Breaker, Config, Notice, Outcome as Ended, Ratio, Request, State, Token};
use quorate::time::{Delay, Time};
use quorate::wire;

use super::BreakerSpec;
use crate::fuzz::subject::DiskOf;
use crate::fuzz::{Outcome, Subject, Tally, near, world as walk};
use crate::world::{Limits, Rules};

/// Bytes of a breaker's encoding beside its window and its leases.
const FIXED_BYTES: usize = 192;
/// How calls end: often in failure.
const ENDS: [Ended; 5] = [Ended::Failed, Ended::Succeeded, Ended::Failed, Ended::Ignored, Ended::Cancelled];
/// Bytes of one number, and of one lease, at most.
const NUMBER_BYTES: usize = 10;

/// A breaker with limits that are soon reached.
#[derive(Clone, Copy, Debug)]
pub struct OneBreaker {
    config: Config,
}

/// What awaits an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_enums, reason = "an admission begins and ends; there is no third")]
pub enum Ticket {
    /// A call that asks to be admitted.
    Call(RequestId),
    /// A token that is to end.
    End(Token),
}

impl Subject for OneBreaker {
    type Machine = Breaker;
    type Ticket = Ticket;

    fn arbitrary(u: &mut Unstructured<'_>) -> Drawn<Self> {
        let mut config = arbitrary_config(u)?;
        if u.ratio(1, 4)? {
            config.window = 200;
        }
        if u.ratio(1, 8)? {
            let longest = Duration::from_nanos(u64::MAX);
            (config.lease, config.open_for.max) = (longest, longest);
        }
        Ok(Self { config })
    }

    fn recover(&self, _: &DiskOf<Self>, _: u64) -> Result<Breaker, Corrupt> {
        Breaker::new(self.config).map_err(|_| Corrupt::Config("no breaker can work by it"))
    }

    fn agrees(&self, _: &Breaker, _: &DiskOf<Self>) -> Result<(), &'static str> {
        Ok(())
    }

    fn arbitrary_input(&self, breaker: &Breaker, u: &mut Unstructured<'_>) -> Drawn<InputOf<Breaker>> {
        Ok(Input::Request(arbitrary_request(breaker, u)?))
    }

    fn asks(&self, request: &Request) -> Option<Ticket> {
        Some(match request {
            Request::Acquire { id } => Ticket::Call(*id),
            Request::Finish { token, .. } => Ticket::End(token.clone()),
        })
    }

    fn answers(&self, notice: &Notice) -> Option<Ticket> {
        match notice {
            Notice::Admitted { id, .. } | Notice::Rejected { id, .. } => Some(Ticket::Call(*id)),
            Notice::Finished { token, .. } | Notice::Ignored { token, .. } => {
                Some(Ticket::End(token.clone()))
            }
            _ => None,
        }
    }

    fn check(&self, breaker: &Breaker) -> Result<(), String> {
        breaker.check()?;
        let (window, places) = (self.config.window as usize, self.config.max_in_flight as usize);
        let most = FIXED_BYTES + (window / 64 + 1) * NUMBER_BYTES + places * 2 * NUMBER_BYTES;
        wire::encode(breaker, most, &mut Vec::new()).map_err(|error| format!("{error}: {breaker:?}"))
    }

    fn kind(&self, notice: &Notice) -> &'static str {
        match notice {
            Notice::Admitted { .. } => "admitted",
            Notice::Rejected { .. } => "rejected",
            Notice::Finished { .. } => "finished",
            Notice::Ignored { .. } => "ignored",
            Notice::Lapsed { .. } => "lapsed",
            Notice::Changed { .. } => "changed",
            _ => "other",
        }
    }

    fn role(&self, breaker: &Breaker) -> &'static str {
        match breaker.state() {
            State::Closed => "closed",
            State::Open => "open",
            State::HalfOpen => "half-open",
        }
    }
}

/// A configuration that stands, with limits that are soon reached.
fn arbitrary_config(u: &mut Unstructured<'_>) -> Drawn<Config> {
    let mut config = Config::default();
    config.window = u.int_in_range(1..=6)?;
    config.min_calls = u.int_in_range(1..=config.window)?;
    config.probes = u.int_in_range(1..=4)?;
    config.max_in_flight = u.int_in_range(1..=4)?;
    config.probes_in_flight = u.int_in_range(1..=config.max_in_flight)?;
    let mut ratio = || {
        let denominator = u.int_in_range(1..=4)?;
        let numerator = u.int_in_range(1..=denominator)?;
        Ratio::new(numerator, denominator).map_err(|_| arbitrary::Error::IncorrectFormat)
    };
    (config.threshold, config.probe_threshold) = (ratio()?, ratio()?);
    let nanos = |u: &mut Unstructured<'_>| Ok(Duration::from_nanos(u.int_in_range(1..=5)?));
    config.lease = nanos(u)?;
    let open_for = nanos(u)?;
    let longest = if u.arbitrary()? { open_for.saturating_add(nanos(u)?) } else { open_for };
    config.open_for = Delay::between(open_for, longest);
    Ok(config)
}

/// A call, or the end of a token that was given out, will be, never was, or is long gone.
fn arbitrary_request(breaker: &Breaker, u: &mut Unstructured<'_>) -> Drawn<Request> {
    if u.ratio(2, 5)? {
        return Ok(Request::Acquire { id: RequestId(u.int_in_range(0..=3)?) });
    }
    let outcome = u.choose(&ENDS)?;
    let outcome = *outcome;
    let outstanding: Vec<Token> = breaker.outstanding().collect();
    if !outstanding.is_empty() && u.arbitrary()? {
        return Ok(Request::Finish { token: u.choose(&outstanding)?.clone(), outcome });
    }
    let generation = match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1 => breaker.generation().0.wrapping_sub(1),
        2 => breaker.generation().0.wrapping_add(1),
        _ => breaker.generation().0,
    };
    let serial = if u.ratio(1, 16)? { u.arbitrary()? } else { u.int_in_range(0..=15_u64)? };
    let bytes = [generation.to_le_bytes(), serial.to_le_bytes()].concat();
    let token = Token::arbitrary(&mut Unstructured::new(&bytes))?;
    Ok(Request::Finish { token, outcome })
}

/// One breaker told anything: see [`crate::fuzz::steps`].
///
/// # Errors
/// The promise that was broken.
pub fn step(bytes: &[u8]) -> Result<Tally, String> {
    crate::fuzz::steps::<OneBreaker>(bytes)
}

/// A breaker with its callers and its clock, and next to it the breaker in the plainest words: the first bytes
/// configure it, each two of the others pick what happens next.
///
/// # Errors
/// The property that fell, with a short trace.
pub fn world(bytes: &[u8]) -> Outcome {
    let mut u = Unstructured::new(bytes);
    let Ok(config) = arbitrary_config(&mut u) else { return Ok(0) };
    let spec = BreakerSpec::new().configured(|default| *default = config);
    let rules = Rules::new(spec, Limits { crashes: Some(0), ..Limits::default() });
    walk(&rules, u.take_rest())
}

/// What is asked of a breaker and what it tells: see [`near`]. The first byte says which.
///
/// # Errors
/// The promise that was broken.
pub fn data(bytes: &[u8]) -> Outcome {
    let Some((which, rest)) = bytes.split_first() else { return Ok(0) };
    let decoded = match which % 2 {
        0 => near::<Request>(rest)?.is_some(),
        _ => near::<Notice>(rest)?.is_some(),
    };
    Ok(u64::from(decoded))
}

/// A whole breaker: one that is read is right, so it goes on as any other does, whatever is asked of it.
///
/// # Errors
/// The promise that was broken.
pub fn state(bytes: &[u8]) -> Outcome {
    let Some(mut breaker) = near::<Breaker>(bytes)? else { return Ok(0) };
    breaker.check()?;
    let mut u = Unstructured::new(bytes.get(bytes.len() / 2..).unwrap_or_default());
    let (mut steps, mut now) = (1, Time::ZERO);
    while !u.is_empty() {
        let Ok(request) = arbitrary_request(&breaker, &mut u) else { break };
        now = Time(now.0.wrapping_add(u.int_in_range(0..=7).unwrap_or(0)));
        breaker.step(Input::Request(request.clone()), &mut Recorder::new(now, &[]));
        breaker.check().map_err(|what| format!("{what}, after {request:?}: {breaker:?}"))?;
        steps += 1;
    }
    Ok(steps)
}
