//! Tables and numbers for people.

use std::time::Duration;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use crate::check::Bounds;

/// A column by its title.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Short text, kept on its lines.
    Word(&'static str),
    /// Text that is wrapped.
    Text(&'static str),
    /// Text that is wrapped early.
    Note(&'static str),
    /// Digits, to the right.
    Number(&'static str),
}

/// Lays `rows` out below `columns`, at most `width` wide if the words and numbers allow.
pub(super) fn table(width: u16, columns: &[Column], rows: Vec<Vec<String>>) -> String {
    let style = TableStyle::new().header_separator(LineStyle::none().fill('-'));
    let mut table = Table::new();
    table.load_style(style).set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(columns.iter().map(|column| match column {
        Column::Word(title) | Column::Text(title) | Column::Note(title) | Column::Number(title) => *title,
    }));
    table.add_rows(rows);
    for (column, kind) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, 2));
        match kind {
            Column::Word(_) => {
                column.set_constraint(ColumnConstraint::ContentWidth);
            }
            Column::Text(_) => {
                column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(20)));
            }
            Column::Note(_) => {
                column.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(20)));
            }
            Column::Number(_) => {
                column.set_constraint(ColumnConstraint::ContentWidth);
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    table.trim_fmt()
}

/// `text` wrapped at `width`, every line after the first set in by `indent`.
pub(super) fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else if column > 0 {
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
    }

    #[test]
    fn text_is_wrapped_between_words_and_set_in() {
        assert_eq!(wrapped("a bb ccc dddd", 6, 2), "a bb\n  ccc\n  dddd");
        assert_eq!(wrapped("unbreakable word", 4, 1), "unbreakable\n word");
        assert_eq!(wrapped("", 4, 1), "");
    }

    #[test]
    fn tables_keep_within_their_width() {
        let columns = [Column::Word("name"), Column::Text("text"), Column::Number("count")];
        let row = vec!["a-name".to_owned(), "many words ".repeat(20), "1,234".to_owned()];
        let text = table(50, &columns, vec![row]);
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(text.contains("a-name") && text.contains("1,234"), "{text}");
    }
}
