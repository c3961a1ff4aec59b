//! The sequence in Mermaid's words, for where those are drawn.

use std::fmt::Write as _;

use super::{Drawing, Fate, Mark, What};

impl Drawing {
    /// The drawing as a Mermaid `sequenceDiagram`. Its arrows are level, so a message stands where it arrives, and
    /// says how long it was on its way.
    #[must_use]
    pub fn mermaid(&self) -> String {
        // Writing to a string does not fail.
        let mut text = format!("sequenceDiagram\n    %% {}\n", comment(&self.summary()));
        for (at, lane) in self.lanes.iter().enumerate() {
            let _ = writeln!(text, "    participant N{at} as {}", escaped(&lane.name));
        }
        self.phases(0, &mut text);
        for (at, row) in self.rows.iter().enumerate() {
            if self.cycle == Some(at) {
                let _ = writeln!(text, "    loop {}", escaped(super::turning(true)));
            }
            let number = row.step;
            let _ = match &row.what {
                What::Message { from, to, label, fate, .. } => {
                    let (arrow, remark) = match fate {
                        Fate::Arrives => ("->>", ""),
                        Fate::Repeats => ("-->>", ", a copy goes on"),
                        Fate::Lost => ("-x", ", lost"),
                    };
                    let delay = self.delay(at).map_or_else(String::new, |delay| format!(" ({delay})"));
                    let label = escaped(&format!("{number}. {label}{delay}{remark}"));
                    writeln!(text, "    N{from}{arrow}N{to}: {label}")
                }
                What::Local { lane, mark, label } => {
                    let label: Vec<String> = label.iter().map(|line| escaped(line)).collect();
                    let mark = if *mark == Mark::Crash { "#10007; " } else { "" };
                    writeln!(text, "    Note over N{lane}: {number}. {mark}{}", label.join("<br/>"))
                }
            };
            self.phases(at + 1, &mut text);
        }
        let last = self.lanes.len().saturating_sub(1);
        let over = if last == 0 { "N0".to_owned() } else { format!("N0,N{last}") };
        match self.cycle {
            Some(from) if from < self.rows.len() => text.push_str("    end\n"),
            Some(_) => {
                let _ = writeln!(text, "    Note over {over}: {}", escaped(super::turning(false)));
            }
            None => {}
        }
        if let Some(property) = &self.violated {
            let violated = escaped(&super::layout::violation(property));
            let _ = writeln!(text, "    Note over {over}: {violated}");
        }
        for (at, lane) in self.lanes.iter().enumerate().filter(|(_, lane)| !lane.state.is_empty()) {
            let state: Vec<String> = lane.state.iter().map(|line| escaped(line)).collect();
            let _ = writeln!(text, "    Note over N{at}: {}", state.join("<br/>"));
        }
        text
    }

    /// The phases that begin after so many rows.
    fn phases(&self, from: usize, text: &mut String) {
        for stretch in self.stretches.iter().filter(|stretch| stretch.from == from) {
            let _ = writeln!(text, "    Note over N{}: {}", stretch.lane, escaped(&stretch.band.label));
        }
    }
}

/// Text in which nothing has a meaning to Mermaid.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            // What ends a statement, begins a comment or an entity, or is taken for markup.
            '#' | ';' | '%' | '<' | '>' | '&' | '{' | '}' | '"' | '\\' | '`' | '$' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Text for a comment, which ends with its line and must hold no directive.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || matches!(c, '{' | '}') { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mermaid_reads_otherwise_is_put_by_its_number() {
        assert_eq!(escaped("a;b#c -> <d>%%\n"), "a#59;b#35;c -#62; #60;d#62;#37;#37; ");
    }
}
