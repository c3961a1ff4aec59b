//! The words that clients, the coordinator and banks say to each other: one line a request, one line an answer.

use std::fmt;
use std::str::FromStr;

/// The most bytes of a line, its end included.
pub const LINE_BYTES_MAX: usize = 512;
/// The most characters of a name.
pub const NAME_CHARS_MAX: usize = 64;
/// Why a transfer was aborted that nobody carried on.
pub const GIVEN_UP: &str = "given up";

/// The name of a transfer, an account or a bank: letters, digits, `-`, `_` and `.`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > NAME_CHARS_MAX || !text.bytes().all(plain) {
            return Err(Malformed("a name is 1 to 64 letters, digits, '-', '_' and '.'"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// An account at a bank, written `BANK/ACCOUNT`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs, reason = "the two names of an account")]
pub struct Place {
    /// The bank.
    pub bank: Name,
    /// The account there.
    pub account: Name,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.bank, self.account)
    }
}

impl FromStr for Place {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let (bank, account) = text.split_once('/').ok_or(Malformed("an account is written BANK/ACCOUNT"))?;
        Ok(Self { bank: bank.parse()?, account: account.parse()? })
    }
}

/// A transfer. Its id names it for ever: sent again, it is the same transfer, and happens once at most.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "what a client says, whole")]
pub struct Transfer {
    /// Its name, chosen by the client.
    pub id: Name,
    /// Who pays.
    pub from: Place,
    /// Who is paid.
    pub to: Place,
    /// How much: more than 0.
    pub amount: i64,
}

/// What a client asks of the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "all that can be asked")]
pub enum Request {
    /// `transfer ID FROM TO AMOUNT`. Answered by an [`Answer`].
    Transfer(Transfer),
    /// `settle ID`: asked of a bank. What became of a transfer, and if it has not happened, that it never will.
    Settle(Name),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transfer(Transfer { id, from, to, amount }) => {
                write!(f, "transfer {id} {from} {to} {amount}")
            }
            Self::Settle(id) => write!(f, "settle {id}"),
        }
    }
}

impl FromStr for Request {
    type Err = Malformed;

    fn from_str(line: &str) -> Result<Self, Malformed> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words.as_slice() {
            ["transfer", id, from, to, amount] => {
                let (from, to): (Place, Place) = (from.parse()?, to.parse()?);
                if from == to {
                    return Err(Malformed("both accounts are the same"));
                }
                let amount = amount.parse().ok().filter(|amount| *amount > 0);
                let amount = amount.ok_or(Malformed("an amount is a whole number above 0"))?;
                Ok(Self::Transfer(Transfer { id: id.parse()?, from, to, amount }))
            }
            ["settle", id] => Ok(Self::Settle(id.parse()?)),
            _ => Err(Malformed("there are `transfer ID FROM TO AMOUNT` and, at a bank, `settle ID`")),
        }
    }
}

/// What became of a transfer. The first two are final.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "yes, no, not known")]
pub enum Answer {
    /// `committed`: it happened, once.
    Committed,
    /// `aborted REASON`: it did not happen and never will.
    Aborted(String),
    /// `unknown REASON`: ask again, under the same id.
    Unknown(String),
    /// `error WHAT`: the request cannot be read. Nothing was done.
    Error(String),
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, rest) = match self {
            Self::Committed => return f.write_str("committed"),
            Self::Aborted(reason) => ("aborted", reason),
            Self::Unknown(reason) => ("unknown", reason),
            Self::Error(what) => ("error", what),
        };
        // Whatever a database or an operating system wrote stays on its line, and within it.
        let plain = rest.chars().map(|found| if found.is_control() { ' ' } else { found });
        write!(f, "{word} {}", plain.take(LINE_BYTES_MAX / 8).collect::<String>())
    }
}

impl FromStr for Answer {
    type Err = Malformed;

    fn from_str(line: &str) -> Result<Self, Malformed> {
        let line = line.trim_end();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("committed", "") => Ok(Self::Committed),
            ("aborted", reason) => Ok(Self::Aborted(reason.to_owned())),
            ("unknown", reason) => Ok(Self::Unknown(reason.to_owned())),
            ("error", what) => Ok(Self::Error(what.to_owned())),
            _ => Err(Malformed("an answer is committed, aborted, unknown or error")),
        }
    }
}

/// What cannot be read, and what could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a sentence")]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for line in ["transfer t-1 a/alice b/bob 50", "settle t-1"] {
            assert_eq!(line.parse::<Request>().map(|request| request.to_string()).as_deref(), Ok(line));
        }
        for line in ["committed", "aborted insufficient funds", "unknown in doubt", "error what?"] {
            assert_eq!(line.parse::<Answer>().map(|answer| answer.to_string()).as_deref(), Ok(line));
        }
    }

    #[test]
    fn what_makes_no_transfer_is_refused() {
        let long = format!("settle {}", "x".repeat(NAME_CHARS_MAX + 1));
        for line in [
            "",
            "transfer",
            "transfer t a/x b/y 0",
            "transfer t a/x b/y -5",
            "transfer t a/x b/y 9223372036854775808",
            "transfer t a/x a/x 5",
            "transfer t ax b/y 5",
            "transfer t a/ b/y 5",
            "transfer t' a/x b/y 5",
            "transfer t a/x b/y 5 6",
            "settle",
            &long,
        ] {
            assert!(line.parse::<Request>().is_err(), "{line}");
        }
        assert!("committed perhaps".parse::<Answer>().is_err() && "".parse::<Answer>().is_err());
    }

    #[test]
    fn an_answer_stays_on_one_line_of_bounded_length() {
        let answer = Answer::Unknown("ü\n".repeat(LINE_BYTES_MAX));
        let line = answer.to_string();
        assert!(!line.contains('\n') && line.len() < LINE_BYTES_MAX, "{}", line.len());
    }
}
