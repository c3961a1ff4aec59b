//! Tables and numbers for people.

use std::time::Duration;

use crate::check::Bounds;

/// A column by its title.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Text, to the left.
    Text(&'static str),
    /// Digits, to the right.
    Number(&'static str),
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Text(title) | Self::Number(title) => title,
        }
    }
}

/// A row: its cells, and what is to be said below them at full width.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    /// A cell for each column.
    pub(super) cells: Vec<String>,
    /// Notes, each on a line of its own, wrapped and set in.
    pub(super) notes: Vec<String>,
}

/// Lays `rows` out below `columns`, with their notes wrapped at `width`. Cells are never wrapped.
pub(super) fn table(width: u16, columns: &[Column], rows: &[Row]) -> String {
    let length = |text: &str| text.chars().count();
    let widest = |(place, column): (usize, &Column)| {
        let cells = rows.iter().filter_map(|row| row.cells.get(place)).map(|cell| length(cell));
        cells.chain([length(column.title())]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = columns.iter().enumerate().map(widest).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let aligned = cells.zip(columns.iter().zip(&widths)).map(|(cell, (column, width))| match column {
            Column::Text(_) => format!("{cell:<width$}"),
            Column::Number(_) => format!("{cell:>width$}"),
        });
        aligned.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let rule = "-".repeat(widths.iter().sum::<usize>() + 2 * columns.len().saturating_sub(1));
    let mut lines = vec![line(&mut columns.iter().map(|column| column.title())), rule];
    for row in rows {
        lines.push(line(&mut row.cells.iter().map(String::as_str)));
        lines.extend(row.notes.iter().map(|note| wrapped(&format!("    {note}"), usize::from(width), 6)));
    }
    lines.join("\n")
}

/// `text` wrapped at `width`, every line after the first set in by `indent`; blanks that lead are kept.
pub(super) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let lead = text.len() - text.trim_start().len();
    let mut lines = text[..lead].to_owned();
    let mut column = lead;
    for (number, word) in text.split_whitespace().enumerate() {
        let length = word.chars().count();
        if number > 0 && column + 1 + length > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if number > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// `1234567` as `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `1 state`, `2 states`.
pub(super) fn counted(number: usize, noun: &str) -> String {
    let plural = match (number, noun.strip_suffix('y')) {
        (1, _) => noun.to_owned(),
        (_, Some(stem)) => format!("{stem}ies"),
        (_, None) => format!("{noun}s"),
    };
    format!("{} {plural}", count(number as u64))
}

/// Seconds, as short as they stay useful.
pub(super) fn seconds(seconds: f64) -> String {
    if seconds < 10.0 {
        return format!("{seconds:.2} s");
    }
    if seconds < 60.0 {
        return format!("{seconds:.1} s");
    }
    let whole = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX).as_secs();
    format!("{} m {:02} s", whole / 60, whole % 60)
}

/// A rate, rounded: `2,340`, `12.3 thousand`, `4.56 million`.
pub(super) fn rate(number: f64) -> String {
    match number {
        n if n >= 1e6 => format!("{:.2} million", n / 1e6),
        n if n >= 1e4 => format!("{:.1} thousand", n / 1e3),
        n => format!("{n:.0}"),
    }
}

/// A number in at most five characters, for a line that must stay short: `987`, `12k`, `3.4M`.
#[allow(clippy::cast_precision_loss, reason = "shown with two digits")]
pub(super) fn short(number: u64) -> String {
    match number as f64 {
        n if n >= 9.95e9 => format!("{:.0}G", n / 1e9),
        n if n >= 9.995e8 => format!("{:.1}G", n / 1e9),
        n if n >= 9.95e6 => format!("{:.0}M", n / 1e6),
        n if n >= 9.995e5 => format!("{:.1}M", n / 1e6),
        n if n >= 1e4 => format!("{:.0}k", n / 1e3),
        _ => number.to_string(),
    }
}

/// Bytes, in binary units.
#[allow(clippy::cast_precision_loss, reason = "shown with three digits")]
pub(super) fn bytes(number: u64) -> String {
    match number as f64 {
        n if n >= 1024.0 * 1024.0 * 1024.0 => format!("{:.2} GiB", n / (1024.0 * 1024.0 * 1024.0)),
        n if n >= 1024.0 * 1024.0 => format!("{:.1} MiB", n / (1024.0 * 1024.0)),
        n => format!("{:.0} KiB", n / 1024.0),
    }
}

/// `nodes=3, requests=1, in_flight=any`: no blank within a bound, so that none is torn apart.
pub(super) fn bounds(bounds: &Bounds) -> String {
    let bound = |(name, limit): (&&str, &Option<u64>)| {
        let limit = limit.map_or_else(|| "any".to_owned(), |limit| limit.to_string());
        format!("{name}={limit}")
    };
    bounds.iter().map(bound).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(counted(1, "property"), "1 property");
        assert_eq!(counted(2000, "property"), "2,000 properties");
        assert_eq!(counted(0, "step"), "0 steps");
        assert_eq!([0.5, 12.34, 61.0, f64::INFINITY].map(seconds)[..3], ["0.50 s", "12.3 s", "1 m 01 s"]);
        assert_eq!([950.0, 12_300.0, 4.56e6].map(rate), ["950", "12.3 thousand", "4.56 million"]);
        assert_eq!([1536, 3 << 20, 5 << 29].map(bytes), ["2 KiB", "3.0 MiB", "2.50 GiB"]);
        assert_eq!([9_999, 12_345, 3_400_000, 99_000_000].map(short), ["9999", "12k", "3.4M", "99M"]);
    }

    #[test]
    fn text_is_wrapped_between_words_and_set_in() {
        assert_eq!(wrapped("a bb ccc dddd", 6, 2), "a bb\n  ccc\n  dddd");
        assert_eq!(wrapped("unbreakable word", 4, 1), "unbreakable\n word");
        assert_eq!(wrapped("", 4, 1), "");
    }

    #[test]
    fn tables_are_aligned_with_notes_below_their_rows() {
        let row = |cells: [&str; 2], notes: &[&str]| Row {
            cells: cells.map(str::to_owned).to_vec(),
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
        };
        let rows = [row(["a", "1,234"], &["one two three"]), row(["longer", "5"], &[])];
        let found = table(14, &[Column::Text("name"), Column::Number("count")], &rows);
        let expected = "name    count\n-------------\na       1,234\n    one two\n      three\nlonger      5";
        assert_eq!(found, expected);
    }
}
