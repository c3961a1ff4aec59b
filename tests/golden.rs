//! Bytes that must not change: what one release wrote, every later one reads.
//!
//! Each test compares an encoding with `tests/golden/<name>.bin`. A difference is a new format: it needs a new
//! version byte and a decoder for the old one, not a new golden file. To write the files of new types, run
//!
//! ```text
//! QUORATE_BLESS=1 cargo test --test golden
//! ```
//!
//! which writes files that are missing and leaves those that are there as they are: what was once released
//! is only ever replaced by hand.
#![cfg(feature = "wire")]
#![allow(clippy::disallowed_methods, reason = "blessing is asked for by an environment variable")]

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use quorate::durable::Record;
use quorate::id::{CellId, ClusterId, LogId, NodeId};
use quorate::wire::{self, frame};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.bin"))
}

/// Compares `bytes` with the golden file of that name.
fn same_bytes(name: &str, bytes: &[u8]) {
    let path = path(name);
    if !path.exists() && std::env::var_os("QUORATE_BLESS").is_some() {
        std::fs::write(&path, bytes).unwrap();
    }
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes, golden, "{name}: the encoding has changed");
}

/// Compares the encoding of each value with its golden file `<group>/<name>.bin`, and reads the file back.
fn same_values<T: Serialize + DeserializeOwned + PartialEq + Debug>(group: &str, values: &[(&str, T)]) {
    std::fs::create_dir_all(path(group).with_extension("")).unwrap();
    for (name, value) in values {
        let name = format!("{group}/{name}");
        let mut bytes = Vec::new();
        wire::encode(value, usize::MAX, &mut bytes).unwrap();
        same_bytes(&name, &bytes);
        let read = wire::decode::<T>(&std::fs::read(path(&name)).unwrap());
        assert_eq!(read.as_ref(), Ok(value), "{name}");
    }
}

/// Stands for a machine's cell: one of each kind of field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cell {
    Identity { cluster: ClusterId, node: NodeId },
    Vote(Option<NodeId>),
    Flags(bool, i64, String),
}

type Rec = Record<Cell, Vec<u8>>;

#[test]
fn records() {
    let put = |cell, value| Rec::Put { cell: CellId(cell), value };
    let values = [
        ("put-identity", put(0, Cell::Identity { cluster: ClusterId(u64::MAX), node: NodeId(3) })),
        ("put-some", put(1, Cell::Vote(Some(NodeId(128))))),
        ("put-none", put(1, Cell::Vote(None))),
        ("put-flags", put(255, Cell::Flags(true, -1, "é".into()))),
        ("remove", Rec::Remove { cell: CellId(2) }),
        ("append", Rec::Append { log: LogId(0), index: 16_384, entry: b"set k v".to_vec() }),
        ("truncate", Rec::Truncate { log: LogId(1), from: 1 }),
        ("discard", Rec::Discard { log: LogId(1), upto: u64::MAX }),
    ];
    same_values("record", &values);
}

#[test]
fn a_frame() {
    let address = frame::Address {
        cluster: ClusterId(0x0102_0304_0506_0708),
        sender: NodeId(0x1112_1314_1516_1718),
        receiver: NodeId(0x2122_2324_2526_2728),
    };
    let message = Cell::Vote(Some(NodeId(5)));
    let mut bytes = Vec::new();
    frame::encode(address, &message, frame::DEFAULT_MAX_BODY, &mut bytes).unwrap();
    same_bytes("frame", &bytes);

    let (cluster, receiver) = (address.cluster, address.receiver);
    let mut decoder =
        frame::Decoder::new(frame::Expected { cluster, receiver, max_body: frame::DEFAULT_MAX_BODY });
    decoder.push(&std::fs::read(path("frame")).unwrap());
    let frame = decoder.poll(|sender| sender == address.sender).unwrap().unwrap();
    assert_eq!((frame.address(), frame.message()), (address, Ok(message)));
}

#[test]
fn a_sealed_value() {
    let mut bytes = Vec::new();
    wire::seal(&Cell::Vote(None), b"place", usize::MAX, &mut bytes).unwrap();
    same_bytes("sealed", &bytes);
    let read = wire::unseal(&std::fs::read(path("sealed")).unwrap(), b"place");
    assert_eq!(read, Ok(Cell::Vote(None)));
}
