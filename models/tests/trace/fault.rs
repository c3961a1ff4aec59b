//! Every mistake in a file is told by its line, and what to do about it.

use quorate_models::check::Protocol;
use quorate_models::trace::{BadTrace, Fault, LINE_BYTES_MAX, LINES_MAX, rules_of};

use crate::claim::Bug;
use crate::{FIGURE_8, TWO_WINNERS, protocol};

const HEADER: &str = r#"{"quorate_trace":1,"protocol":"claim","world":{"kind":"check","name":"basic","bounds":"quick"},"origin":0,"property":null}"#;

fn replayed(protocols: &[Protocol], text: &str) -> Result<(), BadTrace> {
    let (_, rules) = rules_of(protocols, text)?;
    rules.replay_file(text)?.refused.map_or(Ok(()), Err)
}

/// What is wrong with a file of these lines after its header.
fn wrong(lines: &str) -> BadTrace {
    replayed(&[protocol(Bug::None)], &format!("{HEADER}\n{lines}")).expect_err("something is wrong")
}

/// What is wrong with a file whose header is this.
fn wrong_header(change: (&str, &str)) -> BadTrace {
    let header = HEADER.replace(change.0, change.1);
    assert_ne!(header, HEADER);
    replayed(&[protocol(Bug::None)], &header).expect_err("something is wrong")
}

#[test]
fn a_header_alone_is_a_trace() {
    assert_eq!(replayed(&[protocol(Bug::None)], HEADER), Ok(()));
}

#[test]
fn a_header_that_is_none_or_another_is_told() {
    let of = |text: &str| replayed(&[protocol(Bug::None)], text).expect_err("something is wrong");
    assert_eq!(of(""), BadTrace { line: 1, fault: Fault::Empty });
    for text in [
        "\n",
        "hello",
        "{}",
        "[1]",
        r#"[1,"claim",{"kind":"check","name":"basic","bounds":"quick"},0,null,null]"#,
        r#"{"quorate_trace":"1"}"#,
        r#"{"flush":{"node":0}}"#,
    ] {
        assert_eq!(of(text), BadTrace { line: 1, fault: Fault::NotATrace }, "{text}");
    }
    assert_eq!(wrong_header(("\":1", "\":3")).fault, Fault::Version(3));
    // Of another version nothing else need be understood.
    assert_eq!(of(r#"{"quorate_trace":7,"anything":[]}"#).fault, Fault::Version(7));
    for (from, to, word) in [
        ("origin", "origins", "origins"),
        (",\"origin\":0", "", "origin"),
        ("\"quick\"", "\"huge\"", "huge"),
        ("\"check\"", "\"dream\"", "dream"),
        ("\"origin\":0", "\"origin\":-1", "-1"),
    ] {
        let bad = wrong_header((from, to));
        assert!(matches!(&bad.fault, Fault::Json { says, .. } if says.contains(word)), "{bad}");
    }
}

#[test]
fn what_a_header_names_must_be_there() {
    let names = |fault: &Fault| match fault {
        Fault::NoProtocol { known, .. } => ("protocol", known.join(",")),
        Fault::NoWorld { known, .. } => ("world", known.join(",")),
        Fault::NoProperty { known, .. } => ("property", known.join(",")),
        other => panic!("{other}"),
    };
    assert_eq!(names(&wrong_header(("\"claim\"", "\"raft\"")).fault), ("protocol", "claim".to_owned()));
    assert_eq!(names(&wrong_header(("basic", "other")).fault), ("world", "basic".to_owned()));
    let (what, known) = names(&wrong_header(("null", "\"all is well\"")).fault);
    assert!(what == "property" && known.contains("at most one winner") && !known.contains("somebody wins"));
    let origin = Fault::NoOrigin { origin: 3, origins: 1 };
    assert_eq!(wrong_header(("\"origin\":0", "\"origin\":3")).fault, origin);
    let simulation = r#""kind":"simulation","seed":1,"parameters":{},"name":"basic""#;
    let bad = wrong_header((r#""kind":"check","name":"basic","bounds":"quick""#, simulation));
    assert_eq!(bad.fault, Fault::NotReplayable("basic".to_owned()));
}

#[test]
fn a_line_that_is_no_action_is_told_by_its_number() {
    let two = r#"{"request":{"node":0,"request":null}}"#;
    for (line, word) in [
        (r#"{"flush":{"node":0}"#, "EOF"),
        (r#"{"flsh":{"node":0}}"#, "unknown field `flsh`"),
        (r#"{"flush":{"node":0,"now":1}}"#, "unknown field `now`"),
        (r#"{"flush":{"node":0},"flush":{"node":0}}"#, "duplicate field"),
        (r#"{"fire":{"node":0,"timer":"Never"}}"#, "unknown variant `Never`"),
        (r#"{"crash":{"node":0,"kept":-1}}"#, "-1"),
        (r#"{"flush":{"node":0}} {}"#, "trailing"),
    ] {
        let bad = wrong(&format!("{two}\n{line}\n{two}"));
        assert!(
            bad.line == 3 && matches!(&bad.fault, Fault::Json { says, .. } if says.contains(word)),
            "{line}: {bad}"
        );
        assert!(!bad.to_string().contains("line 1"), "a line of a line tells nothing: {bad}");
    }
    for line in ["", "x", "[null]", "7"] {
        assert_eq!(
            wrong(&format!("{line}\n{two}")),
            BadTrace { line: 2, fault: Fault::NotAnObject },
            "{line}"
        );
    }
    let none = Fault::NotOneAction(0);
    assert_eq!(wrong("{}"), BadTrace { line: 2, fault: none.clone() });
    assert_eq!(wrong(r#"{"says":"nothing"}"#), BadTrace { line: 2, fault: none });
    assert_eq!(wrong(r#"{"flush":{"node":0},"inbox":{"node":0}}"#).fault, Fault::NotOneAction(2));
    assert_eq!(wrong(r#"{"flush":{"node":0},"choices":[1]}"#).fault, Fault::NoChoices);
}

#[test]
fn a_file_has_bounds() {
    let long = format!(r#"{{"flush":{{"node":0}},"says":"{}"}}"#, "x".repeat(LINE_BYTES_MAX));
    assert_eq!(wrong(&long), BadTrace { line: 2, fault: Fault::LongLine });
    let many = "{\"tick\":{\"node\":0,\"by_ns\":0}}\n".repeat(LINES_MAX);
    assert_eq!(wrong(&many), BadTrace { line: LINES_MAX + 1, fault: Fault::ManyLines });
}

#[test]
fn an_action_that_cannot_happen_is_told_with_its_reason() {
    let asked = r#"{"request":{"node":0,"request":null}}"#;
    for (lines, line, word) in [
        (
            r#"{"deliver":{"from":0,"to":1,"message":"Vote"}}"#.to_owned(),
            2,
            "not in flight; to n1 there are: []",
        ),
        (format!("{asked}\n{}", r#"{"duplicate":{"from":0,"to":1,"message":"Vote"}}"#), 3, "n0 -> n1: Claim"),
        (r#"{"drop":{"from":9,"to":99,"message":"Vote"}}"#.to_owned(), 2, "not in flight"),
        (r#"{"fire":{"node":0,"timer":"Retry"}}"#.to_owned(), 2, "not set"),
        (r#"{"fire":{"node":7,"timer":"Retry"}}"#.to_owned(), 2, "there is no n7"),
        (r#"{"flush":{"node":0}}"#.to_owned(), 2, "nothing waits"),
        (r#"{"flush":{"node":18446744073709551615}}"#.to_owned(), 2, "there is no n18446744073709551615"),
        (r#"{"inbox":{"node":0}}"#.to_owned(), 2, "nothing is owed"),
        (r#"{"crash":{"node":0,"kept":1}}"#.to_owned(), 2, "holds 0 effects"),
        (r#"{"tick":{"node":0,"by_ns":5}}"#.to_owned(), 2, "the bound on `ticks`"),
        (format!("{asked}\n{asked}\n{asked}"), 4, "the bound on `requests`"),
    ] {
        let bad = wrong(&lines);
        assert_eq!(bad.line, line, "{lines}");
        assert!(bad.is_refused() && bad.to_string().contains(word), "{lines}: {bad}");
    }
}

#[test]
fn a_trace_of_a_mended_bug_stops_where_the_machine_now_does_otherwise() {
    let protocols = [quorate_models::raft::protocol(), protocol(Bug::None)];
    let (_, rules) = rules_of(&protocols, FIGURE_8).expect("it stands");
    let replayed = rules.replay_file(FIGURE_8).expect("it is understood");
    let refused = replayed.refused.expect("a correct leader does not commit that entry");
    assert_eq!((refused.line, replayed.falls.len(), replayed.steps.len()), (16, 0, 14), "{refused}");
    // The same votes, but none leaves before it is durable.
    let (_, rules) = rules_of(&protocols, TWO_WINNERS).expect("it stands");
    let replayed = rules.replay_file(TWO_WINNERS).expect("it is understood");
    assert!(replayed.falls.is_empty() && replayed.refused.is_some());
}
