//! The replicated state: keys and values, and a digest by which replicas are compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::command::Op;

/// The state after some prefix of the log. It depends on nothing else.
#[derive(Debug, Default)]
pub(crate) struct State {
    values: BTreeMap<Vec<u8>, Arc<[u8]>>,
    digest: u64,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Ok,
    /// The value read, if there is one.
    Value(Option<Arc<[u8]>>),
    /// A count, or the new number.
    Integer(i64),
    /// It cannot be done, and changed nothing.
    Refused(&'static str),
}

impl State {
    /// Carries out `op`.
    pub(crate) fn apply(&mut self, op: Op) -> Outcome {
        match op {
            Op::Get { key } => Outcome::Value(self.values.get(&key).cloned()),
            Op::Set { key, value } => {
                self.put(key, value.into());
                Outcome::Ok
            }
            Op::Del { keys } => {
                let removed = keys.iter().filter(|key| self.remove(key)).count();
                Outcome::Integer(i64::try_from(removed).unwrap_or(i64::MAX))
            }
            Op::Incr { key } => match self.incremented(&key) {
                Ok(number) => {
                    self.put(key, number.to_string().into_bytes().into());
                    Outcome::Integer(number)
                }
                Err(reason) => Outcome::Refused(reason),
            },
        }
    }

    fn incremented(&self, key: &[u8]) -> Result<i64, &'static str> {
        let Some(value) = self.values.get(key) else { return Ok(1) };
        let number = std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
        let number = number.ok_or("ERR value is not an integer or out of range")?;
        number.checked_add(1).ok_or("ERR increment or decrement would overflow")
    }

    fn put(&mut self, key: Vec<u8>, value: Arc<[u8]>) {
        self.digest ^= hash(&key, &value);
        if let Some(old) = self.values.get_mut(&key) {
            self.digest ^= hash(&key, old);
            *old = value;
        } else {
            self.values.insert(key, value);
        }
    }

    fn remove(&mut self, key: &[u8]) -> bool {
        let removed = self.values.remove(key);
        if let Some(old) = &removed {
            self.digest ^= hash(key, old);
        }
        removed.is_some()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// A fingerprint of all keys and values: equal states have equal ones. No defence against an adversary.
    pub(crate) const fn digest(&self) -> u64 {
        self.digest
    }
}

/// FNV-1a over the key, its length and the value.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    let length = (key.len() as u64).to_le_bytes();
    let all = length.iter().chain(key).chain(value);
    all.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
