//! Where the command line writes.

use std::fmt::{Debug, Display, Formatter};
use std::io::{IsTerminal as _, Write};

use console::Term;

/// The narrowest and the widest tables that are drawn.
const WIDTHS: (u16, u16) = (80, 132);
/// The width of tables where the terminal's is not known.
const WIDTH_DEFAULT: u16 = 110;

/// Where results, and where complaints and the live progress line are written.
pub struct Screen<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Whether results go to `err`, because `out` is taken by data.
    out_is_data: bool,
    /// Whether a live line is drawn on standard error.
    pub(super) live: bool,
    /// The width of tables.
    pub(super) width: u16,
}

impl Debug for Screen<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Screen").field("live", &self.live).field("width", &self.width).finish_non_exhaustive()
    }
}

impl<'a> Screen<'a> {
    /// A screen on two plain writers: no live line, a fixed width.
    #[must_use]
    pub fn plain(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err, out_is_data: false, live: false, width: WIDTH_DEFAULT }
    }

    /// A screen on this process's standard streams, as wide as the terminal and live if they are one.
    #[must_use]
    pub fn terminal(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        let size = std::io::stdout().is_terminal().then(|| Term::stdout().size_checked()).flatten();
        let width = size.map_or(WIDTH_DEFAULT, |(_, columns)| columns.clamp(WIDTHS.0, WIDTHS.1));
        Self { out, err, out_is_data: false, live: std::io::stderr().is_terminal(), width }
    }

    /// Leaves `out` to data: what is said from now on goes to `err`.
    pub(super) fn leave_out_to_data(&mut self) {
        self.out_is_data = true;
    }

    /// Writes text for people, and a line end. That nobody reads it any more is no error.
    pub(super) fn say(&mut self, text: impl Display) {
        let to = if self.out_is_data { &mut self.err } else { &mut self.out };
        let _closed = writeln!(to, "{text}").and_then(|()| to.flush());
    }

    /// Writes a complaint, and a line end.
    pub(super) fn complain(&mut self, text: impl Display) {
        let _closed = writeln!(self.err, "{text}").and_then(|()| self.err.flush());
    }

    /// Writes data to `out`.
    pub(super) fn data(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }
}
