//! Processes killed and paused under load: what was acknowledged is there, what was refused is not.

use crate::load::{self, Load};
use crate::processes::Cluster;

const CLIENTS: usize = 6;
/// Rounds of it unless `QUORATE_KV_ROUNDS` says otherwise.
const ROUNDS: usize = 10;
/// Requests that have to be carried out between two blows.
const PROGRESS: u64 = 300;

#[test]
fn nothing_acknowledged_is_lost_whoever_is_killed() {
    let rounds = std::env::var("QUORATE_KV_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let mut cluster = Cluster::start(3);
    let load = Load::start(&cluster.clients(), CLIENTS);
    load.await_progress(PROGRESS);
    for round in 0..rounds.unwrap_or(ROUNDS) {
        let leader = cluster.leader();
        match round % 5 {
            0 | 3 => {
                cluster.kill(leader);
                // The others go on without it.
                load.await_progress(PROGRESS);
                cluster.start_node(leader);
            }
            1 => {
                // It is back before anybody may have missed it.
                cluster.kill(leader);
                cluster.start_node(leader);
            }
            2 => {
                // It wakes as a leader that is none, with clients that still wait.
                cluster.pause(leader);
                cluster.await_other_leader(leader);
                cluster.resume(leader);
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
