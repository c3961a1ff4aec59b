//! Processes killed under load: what was acknowledged is there, what was refused is not.

use crate::load::{self, Load};
use crate::processes::Cluster;

const CLIENTS: usize = 4;
/// Rounds of killing unless `QUORATE_KV_ROUNDS` says otherwise.
const ROUNDS: usize = 8;
/// Requests that have to be carried out between two blows.
const PROGRESS: u64 = 300;

#[test]
fn nothing_acknowledged_is_lost_whoever_is_killed() {
    let rounds = std::env::var("QUORATE_KV_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster.clients(), CLIENTS);
    load.await_progress(PROGRESS);
    for round in 0..rounds.unwrap_or(ROUNDS) {
        match round % 4 {
            0 | 2 => {
                let leader = cluster.leader();
                cluster.kill(leader);
                // The others go on without it.
                load.await_progress(PROGRESS);
                cluster.start_node(leader);
            }
            1 => {
                // It is back before anybody may have missed it.
                let leader = cluster.leader();
                cluster.kill(leader);
                cluster.start_node(leader);
            }
            _ => {
                cluster.kill_all();
                cluster.start_all();
            }
        }
        load.await_progress(PROGRESS);
    }
    let journals = load.finish();
    println!("{}", load::summary(&journals));

    load::check(&cluster, &journals);
    let (_, digest) = cluster.converged();
    cluster.kill_all();
    cluster.start_all();
    load::check(&cluster, &journals);
    let (_, again) = cluster.converged();
    assert_eq!(digest, again, "a restart changed the state");
}
