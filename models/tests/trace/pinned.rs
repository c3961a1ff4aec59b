//! Traces of bugs that were planted once, as `replay --rust` prints them.

/// Once, in raft/figure-8 at quick bounds, this fell: leader completeness.
#[test]
fn raft_figure_8_leader_completeness() {
    let trace = r#"{"quorate_trace":1,"protocol":"raft","world":{"kind":"check","name":"figure-8","bounds":"quick"},"origin":0,"property":"leader completeness","explorer":"dfs"}
{"fire":{"node":1,"timer":"Election"},"says":"n1: timer election  [n1: follower -> candidate with 1 of 2, t3 -> t4]"}
{"flush":{"node":1},"says":"n1: durable: t4 with a vote for n1"}
{"deliver":{"from":1,"to":2,"message":{"Vote":{"term":4,"last":{"term":2,"index":2}}}},"says":"n1 -> n2: Vote t4 last (t2,i2)  [n2: t3 -> t4]"}
{"deliver":{"from":1,"to":0,"message":{"Vote":{"term":4,"last":{"term":2,"index":2}}}},"says":"n1 -> n0: Vote t4 last (t2,i2)  [n0: t3 -> t4]"}
{"flush":{"node":0},"says":"n0: durable: t4 with a vote for n1"}
{"deliver":{"from":0,"to":1,"message":{"VoteReply":{"term":4,"granted":true}}},"says":"n0 -> n1: VoteReply t4 granted  [n1: candidate with 1 of 2 -> leader, log [1 2] -> log [1 2 4]]"}
{"deliver":{"from":1,"to":0,"message":{"Append":{"term":4,"prev":{"term":2,"index":2},"entries":[{"term":4,"payload":"Noop"}],"commit":0}}},"says":"n1 -> n0: Append t4 prev (t2,i2) [t4 noop] commit 0  [n0: follower -> follower of n1]"}
{"deliver":{"from":0,"to":1,"message":{"AppendReply":{"term":4,"outcome":{"Conflict":{"at":2,"hint":{"term":1,"index":1}}}}}},"says":"n0 -> n1: AppendReply t4 conflict at i2, try after (t1,i1)"}
{"deliver":{"from":1,"to":0,"message":{"Append":{"term":4,"prev":{"term":1,"index":1},"entries":[{"term":2,"payload":"Noop"}],"commit":0}}},"says":"n1 -> n0: Append t4 prev (t1,i1) [t2 noop] commit 0  [n0: log [1] -> log [1 2]]"}
{"flush":{"node":2},"says":"n2: durable: t4 without a vote"}
{"flush":{"node":1},"says":"n1: durable: i3 = t4 noop"}
{"inbox":{"node":1},"says":"n1: hears itself: AppendReply t4 matched i3"}
{"flush":{"node":0},"says":"n0: durable: i2 = t2 noop"}
{"deliver":{"from":0,"to":1,"message":{"AppendReply":{"term":4,"outcome":{"Matched":2}}}},"says":"n0 -> n1: AppendReply t4 matched i2  [n1: commit 0 -> commit 2]"}
{"drop":{"from":1,"to":0,"message":{"Append":{"term":4,"prev":{"term":2,"index":2},"entries":[{"term":4,"payload":"Noop"}],"commit":2}}},"says":"n1 -> n0: Append t4 prev (t2,i2) [t4 noop] commit 2 (lost)"}
{"drop":{"from":1,"to":2,"message":{"Append":{"term":4,"prev":{"term":2,"index":2},"entries":[{"term":4,"payload":"Noop"}],"commit":0}}},"says":"n1 -> n2: Append t4 prev (t2,i2) [t4 noop] commit 0 (lost)"}
{"fire":{"node":2,"timer":"Election"},"says":"n2: timer election  [n2: follower -> candidate with 1 of 2, t4 -> t5]"}
{"flush":{"node":2},"says":"n2: durable: t5 with a vote for n2"}
{"deliver":{"from":2,"to":0,"message":{"Vote":{"term":5,"last":{"term":3,"index":2}}}},"says":"n2 -> n0: Vote t5 last (t3,i2)  [n0: follower of n1 -> follower, t4 -> t5]"}
{"flush":{"node":0},"says":"n0: durable: t5 with a vote for n2"}
{"drop":{"from":2,"to":1,"message":{"Vote":{"term":5,"last":{"term":3,"index":2}}}},"says":"n2 -> n1: Vote t5 last (t3,i2) (lost)"}
{"deliver":{"from":0,"to":2,"message":{"VoteReply":{"term":5,"granted":true}}},"says":"n0 -> n2: VoteReply t5 granted  [n2: candidate with 1 of 2 -> leader, log [1 3] -> log [1 3 5]]"}
"#;
    let outcome = quorate_models::trace::regress(&quorate_models::raft::protocol(), trace);
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    assert_eq!(outcome, Ok(14), "so many actions happened");
}
