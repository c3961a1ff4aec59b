//! Sagas as scripts speak of them: n1 orchestrates, n2 to n5 are services. The first word of a script's first block
//! names its definition.

use std::sync::Arc;

use quorate::durable::Record;
use quorate::either::{Either, Notice};
use quorate::id::{ClusterId, NodeId, RequestId};
use quorate::machine::{Machine, RecordOf};
use quorate::saga;
use quorate::saga::{
    Action, Cause, Config, Definition, DefinitionId, Doubt, End, Entry, Event, Key, Kind, Message,
    Orchestrator, Outcome, Outline, Policy, Request, Resolution, SagaId, Service, Step, StepId, TaskId,
    Timer, Version, service,
};

use crate::stage::Play;

const ORCHESTRATOR: NodeId = NodeId(1);
const DEFINITION: DefinitionId = DefinitionId(1);

type Node = Either<Orchestrator<()>, Service<()>>;

pub struct Saga(Definition);

/// `order`: stock is reserved and money held, one beside the other; then the money is taken, which decides; then the
/// parcel is sent. `probing` is the same, and asks before it tries again.
pub fn plays(name: &str) -> Saga {
    let doubt = if name == "probing" { Doubt::Probe } else { Doubt::Retry };
    let policy = Policy { attempts: 2, undo_attempts: 2, doubt, ..Policy::default() };
    let step = |number: u64, kind, after| Step {
        task: TaskId(number),
        service: NodeId(number + 1),
        kind,
        after,
        policy,
    };
    let mut outline = Outline::new();
    let reserve = outline.step(step(1, Kind::Compensatable, vec![]));
    let hold = outline.step(step(2, Kind::Compensatable, vec![]));
    let take = outline.step(step(3, Kind::Pivot, vec![reserve, hold]));
    outline.step(step(4, Kind::Retriable, vec![take]));
    Saga(Definition::new(DEFINITION, Version(1), outline).expect("the definition stands"))
}

const STEPS: [&str; 4] = ["reserve", "hold", "take", "send"];

fn name(step: StepId) -> &'static str {
    STEPS.get(usize::from(step.0)).copied().unwrap_or("a step that is none")
}

fn step(word: &str) -> StepId {
    let at = STEPS.iter().position(|step| *step == word);
    let at = at.unwrap_or_else(|| panic!("{word} is no step: {} are", STEPS.join(", ")));
    StepId(u8::try_from(at).expect("there are four"))
}

fn saga(word: &str) -> SagaId {
    let number = word.strip_prefix('s').and_then(|number| number.parse().ok());
    SagaId(number.unwrap_or_else(|| panic!("{word} is no saga: s1, s2 and so on are")))
}

fn key(of: &str, word: &str) -> Key {
    Key { owner: ORCHESTRATOR, saga: saga(of), step: step(word) }
}

fn verb(action: Action) -> &'static str {
    match action {
        Action::Do => "do",
        Action::Probe => "what became of",
        Action::Undo => "undo",
    }
}

impl Play for Saga {
    type Machine = Node;

    fn cast(&self) -> Vec<(NodeId, <Node as Machine>::Config)> {
        let config = Arc::new(Config::new(ClusterId(1), ORCHESTRATOR, [self.0.clone()]));
        let services = (2..=5).map(NodeId);
        let service = |me| (me, Either::Right(Arc::new(service::Config::new(ClusterId(1), me))));
        [(ORCHESTRATOR, Either::Left(config))].into_iter().chain(services.map(service)).collect()
    }

    /// `begins s1`, `cancels s1`, `forgets s1`, `resolves s1 STEP WORD`; `has done s1 STEP`, `refuses s1 STEP`,
    /// `has undone s1 STEP`, `fails s1 STEP`.
    fn request(&self, _: NodeId, words: &[&str]) -> <Node as Machine>::Request {
        let id = RequestId(1);
        match *words {
            ["begins", of] => Either::Left(Request::Begin {
                id,
                saga: saga(of),
                definition: DEFINITION,
                version: Version(1),
                input: (),
            }),
            ["cancels", of] => Either::Left(Request::Cancel { id, saga: saga(of) }),
            ["forgets", of] => Either::Left(Request::Forget { id, saga: saga(of) }),
            ["resolves", of, at, word] => {
                let resolution = match word {
                    "retry" => Resolution::Retry,
                    "happened" => Resolution::Happened,
                    "never" => Resolution::Never,
                    _ => panic!("{word} is no resolution: retry, happened and never are"),
                };
                Either::Left(Request::Resolve { id, saga: saga(of), step: step(at), resolution })
            }
            ["has", "done", of, at] => Either::Right(service::Request::Done { key: key(of, at) }),
            ["has", "undone", of, at] => Either::Right(service::Request::Undone { key: key(of, at) }),
            ["refuses", of, at] => Either::Right(service::Request::Refused { key: key(of, at) }),
            ["fails", of, at] => Either::Right(service::Request::Failed { key: key(of, at) }),
            _ => panic!("nobody asks for `{}`", words.join(" ")),
        }
    }

    fn timer(&self, _: NodeId, words: &[&str]) -> <Node as Machine>::Timer {
        match *words {
            [of, "deadline"] => Either::Left(Timer::Deadline { saga: saga(of) }),
            [of, at] => Either::Left(Timer::Step { saga: saga(of), step: step(at) }),
            _ => panic!("`{}` is no timer: `s1 STEP` and `s1 deadline` are", words.join(" ")),
        }
    }

    fn message(&self, message: &Message<()>) -> String {
        match message {
            Message::Call(call) => {
                format!(
                    "{} {} of s{} ({})",
                    verb(call.action),
                    name(call.key.step),
                    call.key.saga.0,
                    call.epoch
                )
            }
            Message::Answer(answer) => {
                let outcome = match answer.outcome {
                    Outcome::Done => "done".to_owned(),
                    Outcome::Refused => "refused".to_owned(),
                    Outcome::Undone => "undone".to_owned(),
                    Outcome::Unseen => "never seen".to_owned(),
                    Outcome::Later => "ask again later".to_owned(),
                    Outcome::Superseded { epoch } => format!("your time is over, {epoch} has begun"),
                };
                format!("{} of s{}: {outcome}", name(answer.key.step), answer.key.saga.0)
            }
        }
    }

    fn notice(&self, notice: &<Node as Machine>::Notice) -> String {
        match notice {
            Notice::Left(notice) => to_orchestrator(notice),
            Notice::Right(notice) => to_service(notice),
            Notice::Misdirected => "that is for another node".to_owned(),
        }
    }

    fn record(&self, record: &RecordOf<Node>) -> Option<String> {
        match record {
            Record::Put { value: Either::Left(saga::Cell::Epoch(epoch)), .. } => Some(epoch.to_string()),
            Record::Append { entry: Either::Left(entry), .. } => Some(match entry {
                Entry::Saga { saga, .. } => format!("s{} has begun", saga.0),
                Entry::Event { saga, event } => format!("s{}: {}", saga.0, event_of(event)),
                Entry::Forgotten { saga } => format!("s{} is forgotten", saga.0),
                other => format!("{other:?}"),
            }),
            Record::Append { entry: Either::Right(entry), .. } => {
                let stage = match entry.stage {
                    service::Stage::Doing => "is asked for",
                    service::Stage::Done => "is done",
                    service::Stage::Refused => "is refused",
                    service::Stage::Undoing => "is asked to be undone",
                    service::Stage::Undone => "is undone",
                };
                Some(format!("{} of s{} {stage}", name(entry.key.step), entry.key.saga.0))
            }
            _ => None,
        }
    }
}

fn event_of(event: &Event) -> String {
    match event {
        Event::Done(step) => format!("{} is done", name(*step)),
        Event::Refused(step) => format!("{} is refused", name(*step)),
        Event::TurnedBack(cause) => format!("goes back: {}", why(*cause)),
        Event::Undone(step) => format!("{} is undone", name(*step)),
        Event::Tried(step, times) => format!("{} was tried in vain, {times} so far", name(*step)),
        Event::Stuck(step) => format!("{} is stuck", name(*step)),
        Event::Unstuck(step) => format!("{} is tried again", name(*step)),
        other => format!("{other:?}"),
    }
}

fn why(cause: Cause) -> String {
    match cause {
        Cause::Refused(step) => format!("{} was refused", name(step)),
        Cause::Exhausted(step) => format!("nobody knows what became of {}", name(step)),
        Cause::Cancelled => "it was cancelled".to_owned(),
        other => format!("{other:?}"),
    }
}

fn to_orchestrator(notice: &saga::Notice<()>) -> String {
    match notice {
        saga::Notice::Accepted { .. } => "accepted".to_owned(),
        saga::Notice::Refused { reason, .. } => format!("refused: {reason}"),
        saga::Notice::TurnedBack { saga, cause } => format!("s{} goes back: {}", saga.0, why(*cause)),
        saga::Notice::Stuck { saga, step, action } => {
            format!("s{} is stuck: it cannot {} {}", saga.0, verb(*action), name(*step))
        }
        saga::Notice::Ended { saga, end: End::Completed } => format!("s{} is completed", saga.0),
        saga::Notice::Ended { saga, end: End::Compensated { cause } } => {
            format!("s{} is compensated: {}", saga.0, why(*cause))
        }
        saga::Notice::Superseded { epoch } => format!("another executor has begun {epoch}"),
        saga::Notice::Rejected { from, reason } => format!("dropped what {from} said: {reason}"),
        other => format!("{other:?}"),
    }
}

fn to_service(notice: &service::Notice<()>) -> String {
    match notice {
        service::Notice::Do { key, .. } => format!("do {} of s{}", name(key.step), key.saga.0),
        service::Notice::Undo { key, .. } => format!("undo {} of s{}", name(key.step), key.saga.0),
        service::Notice::Accepted { .. } => "accepted".to_owned(),
        service::Notice::Refused { reason, .. } => format!("refused: {reason}"),
        service::Notice::Rejected { from, reason } => format!("dropped what {from} said: {reason}"),
        other => format!("{other:?}"),
    }
}
