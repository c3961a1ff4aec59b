//! Recording, the file form, and the command that checks files.

use std::ffi::OsString;

use quorate_models::cli::{self, HOLDS, Registry, Screen, UNDECIDED, VIOLATED};
use quorate_models::history::{
    BUDGET, Client, Event, EventKind, Fault, Full, History, Key, Kv, Limits, Malformed, Recorder, Register,
    RegisterOperation, RegisterOutcome, Unreadable, Unrecorded, linearizable,
};

use crate::made::{Shape, history, made};
use crate::stateright_says::kv;

type Registers = History<RegisterOperation<u64>, RegisterOutcome<u64>>;
type RegisterEvent = EventKind<RegisterOperation<u64>, RegisterOutcome<u64>>;

#[test]
fn threads_record_each_for_itself() {
    let recorder = Recorder::new(1_000);
    let clock = std::sync::atomic::AtomicU64::new(1);
    let now = || clock.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let register = std::sync::Mutex::new(0);
    std::thread::scope(|scope| {
        for n in 0..4_u64 {
            let mut log = recorder.client();
            let (now, register) = (&now, &register);
            scope.spawn(move || {
                for m in 0..100 {
                    let value = n * 100 + m + 1;
                    assert_eq!(log.called(now(), Key(0), RegisterOperation::Write(value)), Ok(()));
                    *register.lock().unwrap() = value;
                    log.returned(now(), RegisterOutcome::Done);
                    assert_eq!(log.called(now(), Key(0), RegisterOperation::Read), Ok(()));
                    let found = *register.lock().unwrap();
                    log.returned(now(), RegisterOutcome::Value(found));
                }
            });
        }
    });
    let history: Registers = recorder.history().expect("all are done");
    assert_eq!(history.calls().len(), 800);
    assert!(linearizable(&Register { initial: 0 }, &history, BUDGET).holds());
}

#[test]
fn a_recording_is_bounded_and_waits_for_its_clients() {
    let recorder: Recorder<RegisterOperation<u64>, RegisterOutcome<u64>> = Recorder::new(3);
    let mut log = recorder.client();
    assert_eq!(log.called(1, Key(0), RegisterOperation::Read), Ok(()));
    log.unknown(2);
    assert_eq!(log.called(3, Key(0), RegisterOperation::Read), Err(Full));
    assert_eq!(recorder.history(), Err(Unrecorded::StillRecording(1)));
    drop(log);
    assert_eq!(recorder.history().map(|history| history.calls().len()), Ok(1));
}

fn fault(events: &[(u64, RegisterEvent)]) -> Option<(usize, Fault)> {
    let events = events.iter().cloned().map(|(at, kind)| Event { client: Client(1), at, kind });
    Registers::from_events(events).err().map(|Malformed { event, fault, .. }| (event, fault))
}

#[test]
fn what_no_client_can_have_seen_is_refused() {
    let called = || EventKind::Called(Key(0), RegisterOperation::Read);
    let returned = || EventKind::Returned(RegisterOutcome::Value(0));
    assert_eq!(fault(&[(1, called()), (2, returned()), (2, called())]), None);
    assert_eq!(fault(&[(1, returned())]), Some((0, Fault::NothingOpen)));
    assert_eq!(fault(&[(1, called()), (2, called())]), Some((1, Fault::StillOpen)));
    assert_eq!(fault(&[(5, called()), (4, returned())]), Some((1, Fault::TimeWentBack { before: 5 })));
}

#[test]
fn a_refused_call_is_forgotten() {
    let event = |at, kind: RegisterEvent| Event { client: Client(1), at, kind };
    let history = Registers::from_events([
        event(1, EventKind::Called(Key(0), RegisterOperation::Write(1))),
        event(2, EventKind::Failed),
        event(3, EventKind::Called(Key(0), RegisterOperation::Read)),
        event(4, EventKind::Returned(RegisterOutcome::Value(0))),
    ]);
    let history = history.expect("well formed");
    assert_eq!(history.calls().len(), 1);
    assert_eq!(history.calls()[0].operation, RegisterOperation::Read);
}

#[test]
fn what_is_written_is_read_again() {
    let shape = Shape { clients: 5, keys: 3, calls: 500, unknown: 50, lost: None, lost_calls: 1 };
    let history = history::<Kv>(made(&Kv, 7, shape, kv));
    let mut written = Vec::new();
    history.write(&mut written).expect("to memory");
    let again = History::read(&written[..], Limits::default()).expect("what was written");
    assert_eq!(again.calls().len(), history.calls().len());
    for (one, other) in history.calls().iter().zip(again.calls()) {
        assert_eq!(
            (one.client, one.called, &one.operation, &one.answer),
            (other.client, other.called, &other.operation, &other.answer)
        );
        assert_eq!(history.name(one.key), again.name(other.key));
    }
}

fn read(text: &str) -> Result<Registers, Unreadable> {
    History::read(text.as_bytes(), Limits { calls_max: 2, line_bytes_max: 80 })
}

#[test]
fn a_file_that_is_no_history_is_refused_by_its_line() {
    const HEAD: &str = "{\"quorate_history\":1}\n";
    const CALL: &str = "{\"client\":1,\"at\":1,\"call\":\"read\"}\n";
    let with = |lines: &str| read(&format!("{HEAD}{lines}"));
    assert!(with(CALL).is_ok());
    assert!(matches!(read(""), Err(Unreadable::NotAHistory(_))));
    assert!(matches!(read(CALL), Err(Unreadable::NotAHistory(_))));
    assert!(matches!(read("{\"quorate_history\":2}\n"), Err(Unreadable::NotAHistory(_))));
    for bad in [
        "{\"client\":1,\"at\":1}\n",
        "{\"client\":1,\"at\":1,\"call\":\"read\",\"unknown\":true}\n",
        "{\"client\":1,\"at\":1,\"call\":\"raed\"}\n",
        "{\"client\":1,\"at\":1,\"key\":\"x\",\"unknown\":true}\n",
        "{\"client\":1,\"at\":1,\"outcome\":3}\n",
        "{\"client\":1,\"at\":1,\"kye\":\"x\",\"call\":\"read\"}\n",
        "nonsense\n",
    ] {
        assert!(matches!(with(bad), Err(Unreadable::Line { line: 2, .. })), "{bad}");
    }
    assert!(matches!(with(&CALL.repeat(2)), Err(Unreadable::Malformed { line: 3, .. })));
    let lost = "{\"client\":1,\"at\":1,\"unknown\":true}\n";
    assert!(matches!(with(&[CALL, lost].concat().repeat(3)), Err(Unreadable::TooLong { line: 6, .. })));
    assert!(matches!(with(&" ".repeat(100)), Err(Unreadable::TooLong { line: 2, .. })));
}

/// Runs `history` on a file of these lines: the exit status and what was said.
fn command(lines: &[&str], options: &[&str]) -> (u8, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.jsonl");
    std::fs::write(&file, [&["{\"quorate_history\":1}"], lines].concat().join("\n")).expect("a file");
    let mut args: Vec<OsString> = vec!["verify".into(), "history".into(), file.into()];
    args.extend(options.iter().map(OsString::from));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status =
        cli::run(&Registry::new("cargo verify", Vec::new()), args, &mut Screen::plain(&mut out, &mut err));
    (status, String::from_utf8([out, err].concat()).expect("text"))
}

#[test]
fn the_command_says_what_came_of_a_check() {
    let write = [
        "{\"client\":1,\"at\":0,\"key\":\"x\",\"call\":{\"write\":5}}",
        "{\"client\":1,\"at\":9,\"ok\":\"done\"}",
    ];
    let stale = [
        "{\"client\":2,\"at\":10,\"key\":\"x\",\"call\":\"read\"}",
        "{\"client\":2,\"at\":12,\"ok\":{\"value\":null}}",
    ];
    let lines = [write, stale].concat();
    let (status, said) = command(&lines, &[]);
    assert_eq!(status, VIOLATED, "{said}");
    assert!(
        said.contains("linearizable: violated") && said.contains("client 2  10..12  x: read -> null"),
        "{said}"
    );
    assert_eq!(command(&lines, &["--check", "sequential"]), (HOLDS, "sequential: holds, 2 calls\n".into()));
    for check in ["causal", "causal-convergence", "session"] {
        assert_eq!(command(&lines, &["--check", check]).0, HOLDS, "{check}");
    }
    assert_eq!(command(&lines, &["--check", "convergence"]).0, VIOLATED);
    assert_eq!(command(&write, &["--check", "convergence"]).0, UNDECIDED);
    assert_eq!(command(&write, &["--check", "convergence", "--check", "linearizable"]).0, UNDECIDED);
    assert_eq!(command(&lines, &["--check", "convergence", "--check", "linearizable"]).0, VIOLATED);
}

#[test]
fn the_command_says_what_is_wrong_with_a_file() {
    let (status, said) = command(&["{\"client\":1,\"at\":1,\"ok\":\"done\"}"], &[]);
    assert_eq!(status, UNDECIDED);
    assert!(said.contains("line 2: event 0, of client 1 at 1: an answer, but no call is open"), "{said}");
    let (status, said) = command(
        &["{\"client\":1,\"at\":1,\"call\":\"dequeue\"}"],
        &["--model", "queue", "--check", "causal"],
    );
    assert_eq!(status, UNDECIDED);
    assert!(said.contains("choose another --check"), "{said}");
}
