//! What is kept of a violation: its trace, its drawing, and how to come back to it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::check::{Check, Report, Violation};

use super::json::write_file;
use super::trace::{Format, quoted};
use super::{CheckArgs, Screen};

/// How many characters of a property's name go into a file's.
const SLUG_CHARS: usize = 60;

/// Keeps what `check` was asked to keep.
pub(super) struct Keeper<'a> {
    command: &'static str,
    args: &'a CheckArgs,
    /// Into which file the first violation is drawn, and how; each goes into the folder otherwise.
    drawn: Option<(PathBuf, Option<Format>)>,
    /// Whether that file is written.
    is_drawn: bool,
    /// What went wrong first.
    failed: Option<String>,
}

impl<'a> Keeper<'a> {
    /// What `args` ask for, or why that cannot be had.
    pub(super) fn of(command: &'static str, args: &'a CheckArgs) -> Result<Self, String> {
        let drawn = match &args.draw {
            Some(path) if path.extension().is_none() || path.is_dir() => Some((path.clone(), None)),
            Some(path) => Some((path.clone(), Some(Format::of(path)?))),
            None => None,
        };
        Ok(Self { command, args, drawn, is_drawn: false, failed: None })
    }

    /// Keeps the violation of a report, if there is one, and says where.
    pub(super) fn keep(&mut self, check: &dyn Check, report: &Report, screen: &mut Screen<'_>) {
        let Some(violation) = &report.violation else { return };
        let Some(text) = &violation.file else { return };
        let mut said = String::new();
        for kept in [self.trace(report, violation, text), self.drawing(check, report, violation, text)] {
            match kept {
                Ok(words) => said.push_str(&words),
                Err(error) => self.failed = self.failed.take().or(Some(error)),
            }
        }
        if self.args.trace.is_none() && self.drawn.is_none() {
            let Report { protocol, name, .. } = report;
            let mut bounds = match self.args.bounds.name() {
                "quick" => String::new(),
                name => format!(" --bounds {name}"),
            };
            for (limit, most) in &self.args.replaced {
                let _ = write!(bounds, " --limit {limit}={most}");
            }
            let _ = write!(
                said,
                "\n  to draw it:   {0} check {protocol} --world {name}{bounds} --draw {protocol}-{name}.svg\
                 \n  to keep it:   {0} check {protocol} --world {name}{bounds} --trace traces",
                self.command
            );
        }
        said.push('\n');
        screen.say(said.trim_start_matches('\n'));
    }

    /// Whether the one violation that was asked for was drawn.
    pub(super) const fn has_its_one(&self) -> bool {
        self.is_drawn
    }

    /// What went wrong, if anything did.
    pub(super) fn done(self) -> Result<(), String> {
        self.failed.map_or(Ok(()), Err)
    }

    fn trace(&self, report: &Report, violation: &Violation, text: &str) -> Result<String, String> {
        let Some(folder) = &self.args.trace else { return Ok(String::new()) };
        let file = folder.join(format!("{}.jsonl", stem(report, violation)));
        written(&file, text.as_bytes())?;
        let (shown, picture) = (quoted(&file), quoted(&file.with_extension("svg")));
        Ok(format!(
            "\n  the trace:    {shown}\n  to replay it: {0} replay {shown}\n  to draw it:   {0} draw {shown} --to {picture}",
            self.command
        ))
    }

    /// Draws the violation, minimised.
    fn drawing(
        &mut self,
        check: &dyn Check,
        report: &Report,
        violation: &Violation,
        text: &str,
    ) -> Result<String, String> {
        let Some((path, format)) = &self.drawn else { return Ok(String::new()) };
        let unknown = || format!("traces of {}/{} cannot be drawn", report.protocol, report.name);
        let rules = check
            .replays(self.args.bounds.into(), &self.args.limits.options(&self.args.replaced).limits)
            .ok_or_else(unknown)?;
        let short = rules.minimise_file(text).map_err(|bad| format!("the trace found: {bad}"))?;
        let drawing = rules.drawing(&short.text).map_err(|bad| format!("the trace found: {bad}"))?;
        let file = match format {
            Some(_) => path.clone(),
            None => path.join(format!("{}.svg", stem(report, violation))),
        };
        written(&file, format.unwrap_or(Format::Svg).draw(&drawing).as_bytes())?;
        self.is_drawn = format.is_some();
        let (steps, events) = (short.lengths.1, short.events);
        Ok(format!("\n  the drawing:  {}, {steps} steps, {events} events", quoted(&file)))
    }
}

/// What the files of a violation are called.
fn stem(report: &Report, violation: &Violation) -> String {
    format!("{}-{}-{}", report.protocol, report.name, slug(violation.property))
}

/// A name as part of a file's name.
pub(super) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c {
            c if c.is_ascii_alphanumeric() => slug.push(c.to_ascii_lowercase()),
            _ if slug.is_empty() || slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(SLUG_CHARS);
    slug.trim_end_matches('-').to_owned()
}

fn written(file: &Path, bytes: &[u8]) -> Result<(), String> {
    write_file(file, bytes).map_err(|error| format!("{} could not be written: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_slug_is_plain_and_short() {
        assert_eq!(slug("one leader a term"), "one-leader-a-term");
        assert_eq!(slug("  A/B: \"c\" \u{e9} .."), "a-b-c");
        assert_eq!(slug(&"ab ".repeat(40)).len(), 59);
    }
}
