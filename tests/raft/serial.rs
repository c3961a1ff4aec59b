//! A node's state as data: what was written reads back equal, and what was tampered with stands or is refused.

use arbitrary::{Result as Drawn, Unstructured};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use quorate::ledger::LedgerOf;
use quorate::machine::Machine;
use quorate::raft::Raft;
use quorate::time::Time;
use serde_json::Value;

type Node = Raft<Vec<u8>>;

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Changes one leaf of `value`, or drops or doubles one item of a list in it.
fn tamper(value: &mut Value, u: &mut Unstructured<'_>) -> Drawn<()> {
    match value {
        Value::Array(items) if !items.is_empty() => match u.int_in_range(0..=7)? {
            0 => {
                items.pop();
            }
            1 => items.extend(items.last().cloned()),
            2 => items.reverse(),
            _ => {
                let at = u.choose_index(items.len())?;
                tamper(&mut items[at], u)?;
            }
        },
        Value::Object(fields) if !fields.is_empty() => {
            let at = u.choose_index(fields.len())?;
            if let Some((_, field)) = fields.iter_mut().nth(at) {
                tamper(field, u)?;
            }
        }
        Value::Bool(flag) => *flag = !*flag,
        Value::Null => *value = Value::from(u.int_in_range(0..=6_u64)?),
        leaf => {
            let near = leaf.as_u64().unwrap_or(0);
            let edges = [0, 1, near.wrapping_add(1), near.wrapping_sub(1), u64::MAX, u64::MAX / 2, 1 << 40];
            *leaf = if u.ratio(1, 8)? { Value::Null } else { Value::from(*u.choose(&edges)?) };
        }
    }
    Ok(())
}

/// Steps a node as `u` says: its invariants hold throughout.
fn wander(mut node: Node, u: &mut Unstructured<'_>) -> Result<(), String> {
    for _ in 0..64 {
        let Ok(input) = node.arbitrary_input(u) else { break };
        let (before, told) = (node.clone(), format!("{input:?}"));
        (node, _) = node.stepped(input, Time::ZERO, &[]);
        node.check().map_err(|broken| format!("{broken} after {told} in {before:?}"))?;
    }
    Ok(())
}

#[test]
fn every_state_reads_back_as_it_was_written() {
    let run = runner(2_000).run(&vec(any::<u8>(), 0..2048), |bytes| {
        let mut u = Unstructured::new(&bytes);
        let Ok(node) = u.arbitrary::<Node>() else { return Ok(()) };
        let json = serde_json::to_string(&node).unwrap();
        assert!(serde_json::from_str::<Node>(&json).unwrap() == node);
        let Ok(ledger) = u.arbitrary::<LedgerOf<Node>>() else { return Ok(()) };
        let json = serde_json::to_string(&ledger).unwrap();
        assert!(serde_json::from_str::<LedgerOf<Node>>(&json).unwrap() == ledger);
        Ok(())
    });
    run.unwrap();
}

#[test]
fn a_state_that_was_tampered_with_stands_or_is_refused() {
    let (stood, refused) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let run = runner(8_000).run(&vec(any::<u8>(), 256..4096), |bytes| {
        let mut u = Unstructured::new(&bytes);
        let Ok(node) = u.arbitrary::<Node>() else { return Ok(()) };
        let mut value = serde_json::to_value(&node).unwrap();
        for _ in 0..u.int_in_range(1..=3).unwrap_or(1) {
            let _ = tamper(&mut value, &mut u);
        }
        match serde_json::from_value::<Node>(value) {
            Ok(node) => {
                stood.set(stood.get() + 1);
                wander(node, &mut u).map_err(TestCaseError::fail)
            }
            Err(_) => {
                refused.set(refused.get() + 1);
                Ok(())
            }
        }
    });
    run.unwrap();
    assert!(stood.get() > 1_000 && refused.get() > 1_000, "{} stood, {} did not", stood.get(), refused.get());
}

#[test]
#[cfg(feature = "wire")]
fn a_state_of_tampered_bytes_stands_or_is_refused() {
    let run = runner(4_000).run(&vec(any::<u8>(), 256..4096), |bytes| {
        let mut u = Unstructured::new(&bytes);
        let Ok(node) = u.arbitrary::<Node>() else { return Ok(()) };
        let mut written = postcard::to_allocvec(&node).unwrap();
        assert!(postcard::from_bytes::<Node>(&written).unwrap() == node);
        for _ in 0..u.int_in_range(1..=4).unwrap_or(1) {
            let at = u.choose_index(written.len()).unwrap_or(0);
            written[at] = u.arbitrary().unwrap_or(0);
        }
        match postcard::from_bytes::<Node>(&written) {
            Ok(node) => wander(node, &mut u).map_err(TestCaseError::fail),
            Err(_) => Ok(()),
        }
    });
    run.unwrap();
}

#[test]
fn what_contradicts_itself_is_not_read() {
    let mut cluster = crate::cluster::Cluster::new(3);
    cluster.elect(1);
    cluster.propose(1, &[1, 2]);
    cluster.deliver_all();
    let written = serde_json::to_value(&cluster.node(1).raft).unwrap();
    let changes: [fn(&mut Value); 8] = [
        |node| node["me"] = Value::from(9),
        |node| node["config"]["max_append_entries"] = Value::from(0),
        |node| node["term"] = Value::from(0),
        |node| node["commit"] = Value::from(9),
        |node| node["log"]["evicted"] = Value::from(2),
        |node| node["log"]["cached_bytes"] = Value::from(1),
        |node| node["role"]["Leader"]["progress"].as_array_mut().map_or((), |all| drop(all.pop())),
        |node| node["role"]["Leader"]["heard"] = Value::from(1_u64 << 40),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut tampered = written.clone();
        change(&mut tampered);
        assert_ne!(tampered, written, "change {at} changes something");
        assert!(serde_json::from_value::<Raft<u32>>(tampered).is_err(), "change {at} is noticed");
    }
    assert!(serde_json::from_value::<Raft<u32>>(written).unwrap() == cluster.node(1).raft);
}
