//! From the first violation found to a shortest trace.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use super::model::{Explored, SAFE};
use crate::check::{Progress, Violation};
use crate::spec::Spec;
use crate::trace::{Header, Recorded, TraceOf};
use crate::world::{Move, Rules, World};

/// A shortest counterexample is looked for among so many states; beyond, the one found is minimised.
const SHORTEST_STATES: u64 = 20_000_000;
/// And for so long.
const SHORTEST_TIME: Duration = Duration::from_secs(120);

/// A path as stateright tells it: worlds, each with the move that follows.
type Path<S> = Vec<(World<S>, Option<Move<S>>)>;

/// The shortest trace to where the property falls that falls at the end of this way, or else a short one.
pub(super) fn violation<S: Spec>(
    rules: &Arc<Rules<S>>,
    origin: usize,
    way: &[Move<S>],
    header: &Header,
    progress: &Progress,
) -> Option<Violation> {
    let property = match way.last() {
        Some(last) => rules.violated(&last.next)?,
        None => rules.violated(rules.initial().get(origin)?)?,
    };
    let shortest = if progress.stopped() { None } else { shortest(rules, property) };
    let is_shortest = shortest.is_some();
    let trace = match shortest {
        Some(path) => unwound(rules, path),
        None => rules.unwind(origin, way).ok().map(|trace| rules.minimise(&trace, property)),
    };
    let Some(trace) = trace else {
        // The way there could not be found again; the property fell all the same.
        let (steps, state) = (Vec::new(), String::new());
        return Some(Violation { property, steps, shortest: false, state, file: None });
    };
    let state = rules.replay(&trace, |_, _, _| ()).map(|world| rules.picture(&world)).unwrap_or_default();
    let steps = rules.render(&trace);
    let header = Header { property: Some(property.to_owned()), ..header.clone() };
    let file = rules.write(&Recorded::new(header, trace)).ok();
    Some(Violation { property, steps, shortest: is_shortest, state, file })
}

/// The shortest path to where `property` falls, if it is found in time.
fn shortest<S: Spec>(rules: &Arc<Rules<S>>, property: &'static str) -> Option<Path<S>> {
    let model = Explored::targeting(Arc::clone(rules), property);
    let shared = model.clone();
    let began = Instant::now();
    let mut checker = model.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs();
    let workers = checker.handles();
    let mut pause = Duration::from_micros(200);
    while workers.iter().any(|worker| !worker.is_finished()) {
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
        if began.elapsed() >= SHORTEST_TIME || checker.unique_state_count() as u64 >= SHORTEST_STATES {
            shared.stop();
        }
    }
    let panicked = workers.into_iter().map(|worker| worker.join()).filter(Result::is_err).count() > 0;
    if shared.stopped() || panicked {
        return None;
    }
    // stateright finds the way again by counting actions, so they must be offered again.
    shared.resumed(|| checker.discovery(SAFE).map(stateright::Path::into_vec))
}

/// A path of representatives as a trace.
fn unwound<S: Spec>(rules: &Rules<S>, path: Path<S>) -> Option<TraceOf<S>> {
    let origin =
        rules.initial().iter().position(|world| path.first().is_some_and(|(first, _)| first == world))?;
    let moves: Vec<_> = path.into_iter().filter_map(|(_, next)| next).collect();
    rules.unwind(origin, &moves).ok()
}
