//! A picture that stands alone, for light and for dark pages.
//!
//! Colours are attributes, for the light; a style sheet of its own, under a class of its own, overrides them for the
//! dark. So the picture may be opened by itself, and be put into a page next to others.

use std::fmt::Write as _;

use super::layout::{FONT, LINE, Layout, Line, PlacedLane, PlacedRow, Rect, Tag, Text};
use super::{Drawing, Fate, Mark, What};

/// Darkens what is bright and brightens what is dark.
const STYLE: &str = "\
.quorate-trace text{font-family:'DejaVu Sans Mono','Liberation Mono',ui-monospace,Menlo,Consolas,monospace;white-space:pre}\
.quorate-trace .q-label{paint-order:stroke;stroke-width:4px;stroke-linejoin:round}\
.quorate-trace .q-step:hover .q-row{fill:#ffd24d;fill-opacity:.25}\
.quorate-trace .q-way:hover{stroke-width:3px}\
@media (prefers-color-scheme:dark){\
.quorate-trace .q-paper{fill:#15181d}\
.quorate-trace .q-ink{fill:#e6e8eb}\
.quorate-trace .q-label{stroke:#15181d}\
.quorate-trace .q-dim{fill:#98a1ad}\
.quorate-trace .q-lane{stroke:#4a525c}\
.quorate-trace .q-head{fill:#2a2f37;stroke:#5b6470}\
.quorate-trace .q-state{fill:#1d2127;stroke:#4a525c}\
.quorate-trace .q-way{stroke:#7fb0ff}\
.quorate-trace .q-tip{fill:#7fb0ff}\
.quorate-trace .q-bad{fill:#ff8f85}\
.quorate-trace .q-cycle,.quorate-trace .q-again{fill:#c79be6}\
.quorate-trace .q-cut{stroke:#ff8f85}\
.quorate-trace .q-mark{fill:#15181d;stroke:#e6e8eb}\
.quorate-trace .q-hand{stroke:#e6e8eb}\
}";

const PAPER: &str = "#ffffff";
const INK: &str = "#1f2328";
const DIM: &str = "#69727d";
const WAY: &str = "#2458b3";
const BAD: &str = "#b3261e";
const CYCLE: &str = "#8a4bb0";
const LANE: &str = "#bcc3cb";

impl Drawing {
    /// The drawing as SVG: well-formed, with everything in it.
    #[must_use]
    pub fn svg(&self) -> String {
        let layout = Layout::of(self);
        let mut out = Out::default();
        let Rect { w, h, .. } = layout.rect;
        out.tag(&format!(
            "svg xmlns=\"http://www.w3.org/2000/svg\" class=\"quorate-trace\" role=\"img\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" font-size=\"{FONT}\" font-family=\"'DejaVu Sans Mono',monospace\""
        ));
        out.title(&self.summary());
        out.line(&format!("<style>{STYLE}</style>"));
        out.rect(layout.rect, "q-paper", PAPER, "");
        if let Some((band, _)) = &layout.cycle {
            out.rect(*band, "q-cycle", CYCLE, " rx=\"2\"");
        }
        out.lanes(&layout);
        for (stub, line) in self.stubs.iter().zip(&layout.stubs) {
            out.stub(&stub.says, line);
        }
        for (row, placed) in self.rows.iter().zip(&layout.rows) {
            out.way(row, placed);
        }
        for ((number, row), placed) in (1..).zip(&self.rows).zip(&layout.rows) {
            out.step(number, row, placed);
        }
        out.words(&layout);
        out.line("</svg>");
        out.text
    }

    /// What it shows, in a sentence.
    pub(super) fn summary(&self) -> String {
        let events = self.rows.len();
        match &self.violated {
            Some(property) => match self.cycle {
                Some(_) => format!("{}: \"{property}\" falls going round for ever", self.title),
                None => format!("{}: \"{property}\" falls after {events} events", self.title),
            },
            None => format!("{}: {events} events, and no property falls", self.title),
        }
    }
}

/// Text with everything that XML reads otherwise put so that it reads it as text.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\t' | '\n' => out.push(' '),
            // No XML document may hold these, however they are put.
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The colour at `hue` degrees, dark enough for white letters and bright enough for a dark page.
fn colour(hue: u16) -> String {
    // Saturation 50 %, lightness 40 %: each part is between `LEAST` and `LEAST + CHROMA` of 255.
    const LEAST: u16 = 51;
    const CHROMA: u16 = 102;
    let hue = hue % 360;
    let second = CHROMA * (60 - (hue % 120).abs_diff(60)) / 60;
    let (r, g, b) = match hue / 60 {
        0 => (CHROMA, second, 0),
        1 => (second, CHROMA, 0),
        2 => (0, CHROMA, second),
        3 => (0, second, CHROMA),
        4 => (second, 0, CHROMA),
        _ => (CHROMA, 0, second),
    };
    format!("#{:02x}{:02x}{:02x}", r + LEAST, g + LEAST, b + LEAST)
}

/// Elements, one after the other. Writing to a string does not fail.
#[derive(Default)]
struct Out {
    text: String,
}

impl Out {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn tag(&mut self, inside: &str) {
        self.line(&format!("<{inside}>"));
    }

    fn title(&mut self, text: &str) {
        self.line(&format!("<title>{}</title>", escaped(text)));
    }

    fn rect(&mut self, Rect { x, y, w, h }: Rect, class: &str, fill: &str, more: &str) {
        self.line(&format!(
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{fill}\"{more}/>"
        ));
    }

    fn stroke(&mut self, line: Line, class: &str, colour: &str, more: &str) {
        let ((x1, y1), (x2, y2)) = (line.from, line.to);
        self.line(&format!(
            "<line class=\"{class}\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"{colour}\"{more}/>"
        ));
    }

    fn words_at(&mut self, text: &Text, class: &str, fill: &str, more: &str) {
        let Rect { x, y, w, .. } = text.rect;
        let (x, anchor) = if text.to_the_right { (x + w, "end") } else { (x, "start") };
        for (nth, line) in (0..).zip(&text.lines) {
            let y = y + LINE * nth + LINE * 3 / 4;
            self.line(&format!(
                "<text class=\"{class}\" x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{more}>{}</text>",
                escaped(line)
            ));
        }
    }

    fn boxed(&mut self, tag: &Tag) {
        let Rect { x, y, w, h } = tag.rect;
        let (class, fill, ink) = match tag.hue {
            Some(hue) => ("q-tag", colour(hue), ("", "#ffffff")),
            None => ("q-head", "#eef1f4".to_owned(), ("q-ink", INK)),
        };
        let stroke = if tag.hue.is_some() { "" } else { " stroke=\"#9aa4af\"" };
        self.rect(tag.rect, class, &fill, &format!(" rx=\"5\"{stroke}"));
        let (x, y) = (x + w / 2, y + h / 2 + 4);
        self.line(&format!(
            "<text class=\"{}\" x=\"{x}\" y=\"{y}\" text-anchor=\"middle\" fill=\"{}\" font-weight=\"bold\">{}</text>",
            ink.0,
            ink.1,
            escaped(&tag.text)
        ));
    }

    /// The lanes, and the phases along them.
    fn lanes(&mut self, layout: &Layout) {
        let (begins, ends) = layout.span;
        for PlacedLane { x, .. } in &layout.lanes {
            self.stroke(Line { from: (*x, begins), to: (*x, ends) }, "q-lane", LANE, " stroke-width=\"2\"");
        }
        for stretch in &layout.stretches {
            self.rect(stretch.rect, "q-band", &colour(stretch.hue), " rx=\"3\"");
        }
    }

    /// What was sent and never arrived.
    fn stub(&mut self, says: &str, line: &Line) {
        self.tag("g class=\"q-stub\"");
        self.title(says);
        self.stroke(*line, "q-way", WAY, " stroke-dasharray=\"2 3\" stroke-opacity=\".8\"");
        let (x, y) = line.to;
        self.line(&format!("<circle class=\"q-tip\" cx=\"{x}\" cy=\"{y}\" r=\"2.2\" fill=\"{WAY}\"/>"));
        self.line("</g>");
    }

    /// The way of a message, with its head or its cross.
    fn way(&mut self, row: &super::Row, placed: &PlacedRow) {
        let (Some(line), What::Message { fate, .. }) = (placed.arrow, &row.what) else { return };
        self.tag("g class=\"q-arrow\"");
        self.title(&row.says);
        let (way, dashes) = match fate {
            Fate::Lost => ("q-cut", " stroke-dasharray=\"6 4\""),
            Fate::Repeats | Fate::Arrives => ("q-way", ""),
        };
        let colour = if *fate == Fate::Lost { BAD } else { WAY };
        self.stroke(line, way, colour, &format!(" stroke-width=\"1.6\"{dashes}"));
        match fate {
            Fate::Arrives => self.head(line, 0.0),
            Fate::Repeats => {
                self.head(line, 0.0);
                self.head(line, 8.0);
            }
            Fate::Lost => self.cross(line.to, 5),
        }
        self.line("</g>");
    }

    /// An arrow's head, so far back from where the arrow ends.
    fn head(&mut self, line: Line, back: f64) {
        let ((x1, y1), (x2, y2)) = (line.from, line.to);
        let (dx, dy) = (f64::from(x2 - x1), f64::from(y2 - y1));
        let length = dx.hypot(dy).max(1.0);
        let (ux, uy) = (dx / length, dy / length);
        // It ends beside the band of the lane, not on it.
        let tip = (f64::from(x2) - ux * (back + 4.0), f64::from(y2) - uy * (back + 4.0));
        let base = (tip.0 - ux * 9.0, tip.1 - uy * 9.0);
        let mut points = String::new();
        for (x, y) in [tip, (base.0 - uy * 4.0, base.1 + ux * 4.0), (base.0 + uy * 4.0, base.1 - ux * 4.0)] {
            let _ = write!(points, "{x:.1},{y:.1} ");
        }
        self.line(&format!("<polygon class=\"q-tip\" points=\"{}\" fill=\"{WAY}\"/>", points.trim_end()));
    }

    fn cross(&mut self, (x, y): (i32, i32), arm: i32) {
        for (from, to) in [((x - arm, y - arm), (x + arm, y + arm)), ((x - arm, y + arm), (x + arm, y - arm))]
        {
            self.stroke(Line { from, to }, "q-cut", BAD, " stroke-width=\"2.4\"");
        }
    }

    /// An event: its number, its mark, what it says and the phase that begins with it.
    fn step(&mut self, number: usize, row: &super::Row, placed: &PlacedRow) {
        self.tag(&format!("g class=\"q-step\" data-step=\"{number}\""));
        self.title(&format!("{number}. {}", row.says));
        let Rect { x, y, w, h } = placed.rect;
        self.line(&format!(
            "<rect class=\"q-row\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"#000000\" fill-opacity=\"0\"/>"
        ));
        self.words_at(&placed.number, "q-dim", DIM, "");
        if let What::Local { mark, .. } = &row.what {
            self.mark(*mark, placed.spot);
        }
        let bad = matches!(
            row.what,
            What::Local { mark: Mark::Crash, .. } | What::Message { fate: Fate::Lost, .. }
        );
        let (class, fill) = if bad { ("q-label q-bad", BAD) } else { ("q-label q-ink", INK) };
        self.words_at(
            &placed.label,
            class,
            fill,
            &format!(" stroke=\"{PAPER}\" stroke-width=\"4\" paint-order=\"stroke\""),
        );
        if let Some(tag) = &placed.tag {
            self.boxed(tag);
        }
        self.line("</g>");
    }

    /// What kind of thing happens at a node.
    fn mark(&mut self, mark: Mark, (x, y): (i32, i32)) {
        let round = |out: &mut Self| {
            out.line(&format!(
                "<circle class=\"q-mark\" cx=\"{x}\" cy=\"{y}\" r=\"7\" fill=\"{PAPER}\" stroke=\"{INK}\" stroke-width=\"1.5\"/>"
            ));
        };
        let path = |out: &mut Self, d: &str| {
            out.line(&format!(
                "<path class=\"q-hand\" d=\"{d}\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.5\"/>"
            ));
        };
        match mark {
            Mark::Timer => {
                round(self);
                path(self, &format!("M{x} {}V{y}H{}", y - 4, x + 3));
            }
            Mark::Clock => {
                round(self);
                path(self, &format!("M{} {y}H{}M{x} {}V{}", x - 4, x + 4, y - 4, y + 4));
            }
            Mark::Request => {
                round(self);
                path(self, &format!("M{} {}L{} {y}L{} {}", x - 2, y - 4, x + 3, x - 2, y + 4));
            }
            Mark::Inbox => {
                round(self);
                path(self, &format!("M{} {y}a3.5 3.5 0 1 1 3.5 3.5", x - 3));
            }
            Mark::Disk => {
                self.rect(
                    Rect { x: x - 7, y: y - 6, w: 14, h: 12 },
                    "q-mark",
                    PAPER,
                    &format!(" rx=\"2\" stroke=\"{INK}\" stroke-width=\"1.5\""),
                );
                path(self, &format!("M{} {}H{}", x - 4, y + 2, x + 4));
            }
            Mark::Crash => {
                self.line(&format!(
                    "<circle class=\"q-paper\" cx=\"{x}\" cy=\"{y}\" r=\"9\" fill=\"{PAPER}\"/>"
                ));
                self.cross((x, y), 6);
            }
        }
    }

    /// The names above, the states below, and what falls.
    fn words(&mut self, layout: &Layout) {
        self.words_at(&layout.title, "q-ink", INK, " font-weight=\"bold\"");
        if let Some((_, words)) = &layout.cycle {
            let halo = format!(
                " stroke=\"{PAPER}\" stroke-width=\"4\" paint-order=\"stroke\" font-style=\"italic\""
            );
            self.words_at(words, "q-label q-again", CYCLE, &halo);
        }
        for lane in &layout.lanes {
            self.boxed(&lane.head);
            if let Some(tag) = &lane.tag {
                self.boxed(tag);
            }
            self.rect(lane.state.1, "q-state", "#f6f8fa", " rx=\"5\" stroke=\"#c5ccd4\"");
            self.words_at(&lane.state.0, "q-ink", INK, "");
        }
        if let Some((above, below)) = &layout.violated {
            self.words_at(above, "q-bad", BAD, " font-weight=\"bold\"");
            self.words_at(below, "q-bad", BAD, " font-weight=\"bold\"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_reads_otherwise_is_put_as_text() {
        assert_eq!(escaped("a<b>&\"'\u{1}\n"), "a&lt;b&gt;&amp;&quot;&#39;\u{fffd} ");
    }

    #[test]
    fn colours_go_round_the_wheel() {
        assert_eq!([colour(0), colour(120), colour(240)], ["#993333", "#339933", "#333399"]);
        assert_eq!(colour(360), colour(0));
    }
}
