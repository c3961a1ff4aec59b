//! Where everything goes, so that no label covers another.
//!
//! A row is as high as its label takes. What arrives does so at the top of its row, what is sent leaves at the bottom:
//! so even an answer that is sent and arrives within two rows slants downwards, and passes below the label of what it
//! answers. Labels are set in a font of one width, which makes their sizes known here.

use super::{Drawing, Fate, Stretch, What};

/// The size of the font, in pixels.
pub const FONT: i32 = 12;
/// How far the lines of a label are apart.
pub const LINE: i32 = 15;
/// How many characters of a label fit a line, and how many lines of it are shown.
const LABEL: (usize, usize) = (30, 5);
/// How many characters of a node's state fit a line.
const STATE_CHARS: usize = 24;
/// Between a lane and what is said beside it.
const ASIDE: i32 = 16;
/// The height of a tag: the name of a lane, or of a phase.
const TAG: i32 = 20;
/// What the words take that say where a cycle begins.
const TURN: i32 = LINE + 8;
/// Around everything.
const MARGIN: i32 = 16;
/// Lanes are no closer than that.
const GAP_MIN: i32 = 130;

/// The width of so many characters, generously.
fn text_width(chars: usize) -> i32 {
    // Far more than any line holds.
    i32::try_from(chars.min(10_000)).unwrap_or(0) * 29 / 4 + 1
}

/// A rectangle, in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Rect {
    /// The left edge.
    pub x: i32,
    /// The upper edge.
    pub y: i32,
    /// The width.
    pub w: i32,
    /// The height.
    pub h: i32,
}

impl Rect {
    /// Whether two rectangles share any area.
    #[must_use]
    pub const fn overlaps(&self, other: &Self) -> bool {
        self.x < other.x + other.w
            && other.x < self.x + self.w
            && self.y < other.y + other.h
            && other.y < self.y + self.h
    }

    /// Whether it lies inside `other`.
    #[must_use]
    pub const fn within(&self, other: &Self) -> bool {
        self.x >= other.x
            && self.y >= other.y
            && self.x + self.w <= other.x + other.w
            && self.y + self.h <= other.y + other.h
    }
}

/// Lines of text in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct Text {
    /// What they cover.
    pub rect: Rect,
    /// The lines.
    pub lines: Vec<String>,
    /// Whether they end at the right edge, rather than begin at the left one.
    pub to_the_right: bool,
}

impl Text {
    /// Lines that begin (or end, `to_the_right`) at `x`, the first at `y`.
    fn at(x: i32, y: i32, lines: Vec<String>, to_the_right: bool) -> Self {
        let w = widest(&lines);
        let x = if to_the_right { x - w } else { x };
        let h = LINE * i32::try_from(lines.len()).unwrap_or(i32::MAX / LINE);
        Self { rect: Rect { x, y, w, h }, lines, to_the_right }
    }
}

/// A short text in a box of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct Tag {
    /// The box.
    pub rect: Rect,
    /// The text, in its middle.
    pub text: String,
    /// The colour, in degrees on the colour wheel.
    pub hue: Option<u16>,
}

impl Tag {
    fn around(x: i32, y: i32, text: &str, hue: Option<u16>) -> Self {
        let w = text_width(text.chars().count()) + 14;
        Self { rect: Rect { x: x - w / 2, y, w, h: TAG }, text: text.to_owned(), hue }
    }
}

/// A line from one place to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a plain record of numbers")]
pub struct Line {
    /// Where it begins: x and y.
    pub from: (i32, i32),
    /// Where it ends.
    pub to: (i32, i32),
}

/// A row in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct PlacedRow {
    /// All of it, across the drawing.
    pub rect: Rect,
    /// Where it happens: on the lane of the receiver, or of the node.
    pub spot: (i32, i32),
    /// Where what it sends leaves.
    pub leave: i32,
    /// Its number, and its time.
    pub number: Text,
    /// What it says.
    pub label: Text,
    /// The phase that begins with it.
    pub tag: Option<Tag>,
    /// The way of the message.
    pub arrow: Option<Line>,
}

/// A lane in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct PlacedLane {
    /// Where it runs.
    pub x: i32,
    /// Its name.
    pub head: Tag,
    /// The phase that it begins in.
    pub tag: Option<Tag>,
    /// What it is in the end, and the box around that.
    pub state: (Text, Rect),
}

/// A phase in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct PlacedStretch {
    /// The stretch of the lane.
    pub rect: Rect,
    /// The colour, in degrees on the colour wheel.
    pub hue: u16,
}

/// A drawing of which everything has its place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "read by writers")]
pub struct Layout {
    /// All of it.
    pub rect: Rect,
    /// What it is of.
    pub title: Text,
    /// The property that falls, above and below.
    pub violated: Option<(Text, Text)>,
    /// Where the lanes begin and end.
    pub span: (i32, i32),
    /// The lanes.
    pub lanes: Vec<PlacedLane>,
    /// The phases.
    pub stretches: Vec<PlacedStretch>,
    /// The rows.
    pub rows: Vec<PlacedRow>,
    /// What never arrives, in the order of [`Drawing::stubs`].
    pub stubs: Vec<Line>,
    /// What goes round for ever, and what is said of it.
    pub cycle: Option<(Rect, Text)>,
}

impl Layout {
    /// Places everything in `drawing`.
    #[must_use]
    pub fn of(drawing: &Drawing) -> Self {
        Placing::of(drawing).layout()
    }

    /// Where there are words: no two of these overlap.
    #[must_use]
    pub fn words(&self) -> Vec<Rect> {
        let lanes = self.lanes.iter().flat_map(|lane| {
            [Some(lane.head.rect), lane.tag.as_ref().map(|tag| tag.rect), Some(lane.state.1)]
        });
        let rows = self.rows.iter().flat_map(|row| {
            [Some(row.number.rect), Some(row.label.rect), row.tag.as_ref().map(|tag| tag.rect)]
        });
        let violated = self.violated.iter().flat_map(|(above, below)| [Some(above.rect), Some(below.rect)]);
        let cycle = self.cycle.iter().map(|(_, words)| Some(words.rect));
        lanes.chain(rows).chain(violated).chain(cycle).chain([Some(self.title.rect)]).flatten().collect()
    }
}

/// A drawing on its way to a layout.
struct Placing<'a> {
    drawing: &'a Drawing,
    /// The lines of each row's label.
    labels: Vec<Vec<String>>,
    /// The lines of each lane's last state.
    states: Vec<Vec<String>>,
    /// How wide the column of numbers is.
    gutter: i32,
    /// Where each lane runs.
    lanes: Vec<i32>,
    width: i32,
}

impl<'a> Placing<'a> {
    fn of(drawing: &'a Drawing) -> Self {
        let labels: Vec<_> = (0..drawing.rows.len()).map(|at| label(drawing, at)).collect();
        let state =
            |lane: &super::Lane| lane.state.iter().flat_map(|line| wrapped(line, STATE_CHARS)).collect();
        let states: Vec<Vec<String>> = drawing.lanes.iter().map(state).collect();
        let gutter = (0..drawing.rows.len()).map(|at| widest(&number(drawing, at))).max().unwrap_or(0) + 12;
        let mut placing = Self { drawing, labels, states, gutter, lanes: Vec::new(), width: 0 };
        placing.place_lanes();
        placing
    }

    /// Puts the lanes so far apart that what is said beside each fits before the next.
    fn place_lanes(&mut self) {
        let count = self.drawing.lanes.len();
        // What a lane takes to its left and right, whatever happens.
        let half = |lane: usize| {
            let bands = self.drawing.stretches.iter().filter(|stretch| stretch.lane == lane);
            let tags = bands.map(|stretch| text_width(stretch.band.label.chars().count()) + 14);
            let state = self.states.get(lane).map_or(0, |lines| widest(lines) + 16);
            tags.chain([state, 60]).max().unwrap_or(0) / 2 + 6
        };
        // What is said to its left and to its right.
        let mut sides = vec![(0, 0); count];
        for (at, row) in self.drawing.rows.iter().enumerate() {
            let wide = self.labels.get(at).map_or(0, |lines| widest(lines)) + 2 * ASIDE;
            let (lane, left) = side(&row.what);
            if let Some((on_left, on_right)) = sides.get_mut(lane) {
                let place = if left { on_left } else { on_right };
                *place = wide.max(*place);
            }
        }
        let mut x = MARGIN + self.gutter;
        for lane in 0..count {
            let (left, right) = (sides[lane].0.max(half(lane)), sides[lane].1);
            x = match self.lanes.last() {
                None => x + left,
                Some(before) => {
                    let (said, tags) = (sides[lane - 1].1.max(sides[lane].0), half(lane - 1) + half(lane));
                    before + said.max(tags).max(GAP_MIN)
                }
            };
            self.lanes.push(x);
            self.width = x + right.max(half(lane)) + MARGIN;
        }
        let title = text_width(self.drawing.title.chars().count()) + 2 * MARGIN;
        let violated =
            self.drawing.violated.as_ref().map_or(0, |name| text_width(violation(name).chars().count()));
        let turning = self
            .drawing
            .cycle
            .map_or(0, |from| text_width(super::turning(from < self.drawing.rows.len()).chars().count()));
        self.width = self.width.max(title).max(violated.max(turning) + 2 * MARGIN);
    }

    fn x(&self, lane: usize) -> i32 {
        self.lanes.get(lane).copied().unwrap_or(MARGIN)
    }

    fn layout(&self) -> Layout {
        let drawing = self.drawing;
        let title = Text::at(MARGIN, MARGIN, vec![drawing.title.clone()], false);
        let violated =
            |y| drawing.violated.as_ref().map(|name| Text::at(MARGIN, y, vec![violation(name)], false));
        let above = violated(MARGIN + LINE + 6);
        let heads = MARGIN + LINE + 14 + if above.is_some() { LINE + 4 } else { 0 };
        let begins = heads + TAG;
        let start =
            |lane: usize| drawing.stretches.iter().find(|stretch| stretch.lane == lane && stretch.from == 0);
        let tagged = (0..drawing.lanes.len()).any(|lane| start(lane).is_some());
        let first = begins + 8 + if tagged { TAG + 8 } else { 0 };
        let rows = self.rows(first);
        let cycle = self.cycle(&rows, first);
        let ends = rows.last().map_or(first, |row| row.leave) + 14;
        let ends = cycle.as_ref().map_or(ends, |(band, _)| ends.max(band.y + band.h + 4));
        let lane = |(at, lane): (usize, &super::Lane)| {
            let x = self.x(at);
            let lines = self.states.get(at).cloned().unwrap_or_default();
            let w = widest(&lines);
            let text = Text::at(x - w / 2, ends + 8, lines, false);
            let Rect { x: left, y, w, h } = text.rect;
            let around = Rect { x: left - 8, y: y - 8, w: w + 16, h: h + 16 };
            let tag = start(at)
                .map(|stretch| Tag::around(x, begins + 8, &stretch.band.label, Some(stretch.band.hue)));
            PlacedLane { x, head: Tag::around(x, heads, &lane.name, None), tag, state: (text, around) }
        };
        let lanes: Vec<_> = drawing.lanes.iter().enumerate().map(lane).collect();
        let below = lanes.iter().map(|lane| lane.state.1.y + lane.state.1.h).max().unwrap_or(ends) + 12;
        let below = violated(below);
        let height = below.as_ref().map_or_else(
            || lanes.iter().map(|lane| lane.state.1.y + lane.state.1.h).max().unwrap_or(ends),
            |text| text.rect.y + text.rect.h,
        );
        Layout {
            rect: Rect { x: 0, y: 0, w: self.width, h: height + MARGIN },
            title,
            violated: above.zip(below),
            span: (begins, ends),
            stretches: drawing
                .stretches
                .iter()
                .map(|stretch| self.stretch(stretch, &rows, begins, ends))
                .collect(),
            stubs: self.stubs(&rows, first),
            cycle,
            lanes,
            rows,
        }
    }

    fn rows(&self, first: i32) -> Vec<PlacedRow> {
        let mut rows: Vec<PlacedRow> = Vec::new();
        let mut y = first + 6;
        for at in 0..self.drawing.rows.len() {
            if self.drawing.cycle == Some(at) {
                y += TURN;
            }
            let row = self.row(at, y, first, &rows);
            y = row.rect.y + row.rect.h;
            rows.push(row);
        }
        rows
    }

    /// The band beside what goes round for ever, below the words that say so.
    fn cycle(&self, rows: &[PlacedRow], first: i32) -> Option<(Rect, Text)> {
        let from = self.drawing.cycle?;
        let bottom = |row: &PlacedRow| row.rect.y + row.rect.h;
        let above = from.checked_sub(1).and_then(|last| rows.get(last)).map_or(first + 6, bottom);
        let words = vec![super::turning(from < rows.len()).to_owned()];
        let words = Text::at(MARGIN, above + 4, words, false);
        let below = rows.get(from..).and_then(<[_]>::last).map_or(above + TURN, bottom);
        Some((Rect { x: MARGIN - 10, y: above + 2, w: 5, h: below - above - 2 }, words))
    }

    fn row(&self, at: usize, top: i32, first: i32, before: &[PlacedRow]) -> PlacedRow {
        let drawing = self.drawing;
        let tip = top + 10;
        let lines = self.labels.get(at).cloned().unwrap_or_default();
        let what = drawing.rows.get(at).map(|row| &row.what);
        let (lane, left) = what.map_or((0, false), side);
        let x = self.x(lane);
        let is_arrow = matches!(what, Some(What::Message { .. }));
        let text_x = if left { x - ASIDE } else { x + ASIDE };
        let label = Text::at(text_x, if is_arrow { tip + 6 } else { tip - LINE / 2 }, lines, left);
        let mut bottom = (label.rect.y + label.rect.h).max(tip + 8);
        let begun = drawing.stretches.iter().find(|stretch| stretch.from == at + 1);
        let tag = begun.map(|stretch| {
            Tag::around(self.x(stretch.lane), bottom + 3, &stretch.band.label, Some(stretch.band.hue))
        });
        if let Some(tag) = &tag {
            bottom = tag.rect.y + tag.rect.h;
        }
        let leave = bottom + 4;
        let arrow = match what {
            Some(What::Message { from, to, sent, fate, .. }) => {
                let start =
                    sent.checked_sub(1).and_then(|sent| before.get(sent)).map_or(first, |row| row.leave);
                let (from, to) = (self.x(*from), self.x(*to));
                // A lost message does not get there.
                let end = if *fate == Fate::Lost { to - (to - from).signum() * 28 } else { to };
                Some(Line { from: (from, start), to: (end, tip) })
            }
            _ => None,
        };
        PlacedRow {
            rect: Rect { x: 0, y: top, w: self.width, h: leave - top + 10 },
            spot: (x, tip),
            leave,
            number: Text::at(MARGIN, tip - LINE / 2, number(drawing, at), false),
            label,
            tag,
            arrow,
        }
    }

    fn stretch(&self, stretch: &Stretch, rows: &[PlacedRow], begins: i32, ends: i32) -> PlacedStretch {
        let at = |row: usize| match row.checked_sub(1) {
            None => begins,
            Some(row) => rows.get(row).map_or(ends, |row| row.spot.1),
        };
        let last = stretch.upto >= rows.len();
        let is_last = last
            && !self
                .drawing
                .stretches
                .iter()
                .any(|other| other.lane == stretch.lane && other.from == stretch.upto && other != stretch);
        let (from, upto) = (at(stretch.from), if is_last { ends } else { at(stretch.upto) });
        let rect = Rect { x: self.x(stretch.lane) - 4, y: from, w: 8, h: (upto - from).max(0) };
        PlacedStretch { rect, hue: stretch.band.hue }
    }

    /// Short lines towards where what never arrives was to go; those that leave together spread out.
    fn stubs(&self, rows: &[PlacedRow], first: i32) -> Vec<Line> {
        let stubs = &self.drawing.stubs;
        let line = |(at, stub): (usize, &super::Stub)| {
            let leave =
                stub.sent.checked_sub(1).and_then(|sent| rows.get(sent)).map_or(first, |row| row.leave);
            let (from, to) = (self.x(stub.from), self.x(stub.to));
            let side = (to - from).signum();
            let beside = stubs.iter().take(at).filter(|other| {
                (other.from, other.sent) == (stub.from, stub.sent)
                    && (self.x(other.to) - from).signum() == side
            });
            let nth = i32::try_from(beside.count()).unwrap_or(0).min(6);
            Line { from: (from, leave), to: (from + side * (34 - nth * 4), leave + 2 + nth * 3) }
        };
        stubs.iter().enumerate().map(line).collect()
    }
}

/// The lane beside which a row's label stands, and whether to its left: on the side that a message comes from.
fn side(what: &What) -> (usize, bool) {
    match what {
        What::Message { from, to, .. } => (*to, from < to),
        What::Local { lane, .. } => (*lane, false),
    }
}

/// What a row says, in lines.
fn label(drawing: &Drawing, at: usize) -> Vec<String> {
    let Some(row) = drawing.rows.get(at) else { return Vec::new() };
    let mut lines: Vec<String> = match &row.what {
        What::Local { label, .. } => label.iter().flat_map(|part| wrapped(part, LABEL.0)).collect(),
        What::Message { label, fate, .. } => {
            let delay = drawing.delay(at).map_or_else(String::new, |delay| format!(" ({delay})"));
            match fate {
                Fate::Arrives => wrapped(&format!("{label}{delay}"), LABEL.0),
                Fate::Repeats => wrapped(&format!("{label}{delay} (a copy goes on)"), LABEL.0),
                Fate::Lost => wrapped(&format!("lost: {label}"), LABEL.0),
            }
        }
    };
    if lines.len() > LABEL.1 {
        lines.truncate(LABEL.1);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(LABEL.0 - 2).chain(" …".chars()).collect();
        }
    }
    lines
}

/// A row's number, and its time where there is one.
fn number(drawing: &Drawing, at: usize) -> Vec<String> {
    let time = drawing.rows.get(at).and_then(|row| row.at_ns).map(super::duration);
    let number = drawing.rows.get(at).map_or(0, |row| row.step).to_string();
    vec![time.map_or_else(|| number.clone(), |time| format!("{number}  {time}"))]
}

/// What is said of the property that falls.
pub(super) fn violation(name: &str) -> String {
    format!("violated: {name}")
}

fn widest(lines: &[String]) -> i32 {
    lines.iter().map(|line| text_width(line.chars().count())).max().unwrap_or(0)
}

/// The words of `text` in lines of at most `chars` characters; longer words are cut.
fn wrapped(text: &str, chars: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut add = |word: &[char]| {
        let Some(line) = lines.last_mut() else { return };
        let used = line.chars().count();
        if used == 0 {
            line.extend(word);
        } else if used + 1 + word.len() <= chars {
            line.push(' ');
            line.extend(word);
        } else {
            lines.push(word.iter().collect());
        }
    };
    for word in text.split_whitespace() {
        let word: Vec<char> = word.chars().collect();
        word.chunks(chars.max(1)).for_each(&mut add);
    }
    lines
}
