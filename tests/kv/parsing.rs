//! Requests out of bytes: however they arrive, whatever they are.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::bytes::requests;
use crate::client::request;
use crate::command::{Bytes, COMMAND_BYTES_MAX, Op};
use crate::resp::{Malformed, REQUEST_BYTES_MAX, Requests};

/// All requests in `chunks`, and what ended them.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Vec<Vec<u8>>>, Option<Malformed>) {
    let mut requests = Requests::default();
    let mut found = Vec::new();
    for chunk in chunks {
        requests.push(chunk);
        loop {
            match requests.next() {
                Ok(Some(words)) => found.push(words),
                Ok(None) => break,
                Err(malformed) => return (found, Some(malformed)),
            }
        }
    }
    (found, None)
}

/// Bytes that look like requests often enough.
fn nearly_requests() -> impl Strategy<Value = Vec<u8>> {
    let words = vec(vec(any::<u8>(), 0..9), 0..5);
    let whole = words.prop_map(|words| request(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()));
    let piece = prop_oneof![
        4 => whole,
        1 => "[*$+:-]?[0-9]{0,3}(\r\n)?".prop_map(String::into_bytes),
        1 => "(PING|GET a| )\r?\n".prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn how_bytes_arrive_does_not_matter(bytes in nearly_requests(), size in 1..9_usize) {
        let whole = read([bytes.as_slice()]);
        prop_assert_eq!(&read(bytes.chunks(size)), &whole);
    }

    #[test]
    fn what_is_sent_is_what_is_read(sent in vec(vec(vec(any::<u8>(), 0..20), 1..6), 0..6), size in 1..50_usize) {
        let bytes = sent.iter().map(|words| request(&words.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        let bytes = bytes.collect::<Vec<_>>().concat();
        prop_assert_eq!(read(bytes.chunks(size)), (sent, None));
    }

    #[test]
    fn any_bytes_are_a_command_or_an_error(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(op) = Op::decode(&Bytes(bytes.as_slice().into())) {
            prop_assert_eq!(&*op.encode().expect("it is short").0, bytes.as_slice());
        }
    }
}

#[test]
fn commands_keep_their_bytes() {
    let encoded = |op: Op| op.encode().expect("it is short").0.to_vec();
    let (key, value) = (b"k".to_vec(), b"v".to_vec());
    assert_eq!(encoded(Op::Get { key: key.clone() }), [1, 0, 0, 1, b'k']);
    assert_eq!(encoded(Op::Set { key: key.clone(), value }), [1, 0, 1, 1, b'k', 1, b'v']);
    assert_eq!(encoded(Op::Del { keys: vec![key.clone()] }), [1, 0, 2, 1, 1, b'k']);
    assert_eq!(encoded(Op::Incr { key }), [1, 0, 3, 1, b'k']);
    for unknown in [[2, 0, 0, 1, b'k'], [1, 1, 0, 1, b'k'], [1, 0, 4, 1, b'k']] {
        assert!(Op::decode(&Bytes(unknown.as_slice().into())).is_err());
    }
}

#[test]
fn every_request_that_is_read_fits_into_a_command() {
    const { assert!(REQUEST_BYTES_MAX <= COMMAND_BYTES_MAX) };
    let keys = vec![Vec::new(); crate::resp::ARGUMENTS_MAX];
    assert!(Op::Del { keys }.encode().is_ok());
}

#[test]
fn what_fuzzing_found_worth_keeping_is_read_as_before() {
    let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/kv_requests");
    let inputs =
        std::fs::read_dir(corpus).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let found: u64 =
        inputs.map(|bytes| requests(&bytes).unwrap_or_else(|broken| panic!("{broken}: {bytes:?}"))).sum();
    assert!(found > 10, "only {found} requests are in the whole corpus");
}
