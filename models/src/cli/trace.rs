//! `replay`, `minimise` and `draw`: what can be done with a trace file.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::check::Level;
use crate::draw::{Drawing, duration, turning};
use crate::trace::{BadTrace, Header, Replayed, Replays, SeenBy, SimulatedFall, Where, rules_of};

use super::json::write_file;
use super::table::{counted, wrapped};
use super::{DrawArgs, HOLDS, MinimiseArgs, Registry, ReplayArgs, Screen, UNDECIDED, VIOLATED, pin};

/// How large a trace file may be, in bytes.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// How a trace is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Svg,
    Html,
    Mermaid,
}

impl Format {
    /// The format that the end of a file's name stands for.
    pub(super) fn of(file: &Path) -> Result<Self, String> {
        match file.extension().and_then(|end| end.to_str()) {
            Some("svg") => Ok(Self::Svg),
            Some("html") => Ok(Self::Html),
            Some("mmd") => Ok(Self::Mermaid),
            _ => Err(format!(
                "{} is of no known form; let its name end in .svg, .html or .mmd",
                file.display()
            )),
        }
    }

    pub(super) fn draw(self, drawing: &Drawing) -> String {
        match self {
            Self::Svg => drawing.svg(),
            Self::Html => drawing.html(),
            Self::Mermaid => drawing.mermaid(),
        }
    }
}

/// A trace file that was read, and the rules to replay it under.
struct Opened<'a> {
    file: &'a Path,
    text: String,
    header: Header,
    rules: Box<dyn Replays>,
}

impl<'a> Opened<'a> {
    fn of(registry: &Registry, file: &'a Path) -> Result<Self, String> {
        let text = read(file)?;
        let (header, rules) = rules_of(&registry.protocols, &text).map_err(|bad| at(file, &bad))?;
        Ok(Self { file, text, header, rules })
    }

    /// Where it happens.
    fn place(&self) -> String {
        let Header { protocol, world, .. } = &self.header;
        match world {
            Where::Check { name, bounds, limits } => {
                let bounds = match bounds {
                    Level::Quick => "quick",
                    Level::Standard => "standard",
                    Level::Deep => "deep",
                };
                let replaced =
                    limits.named().into_iter().filter_map(|(name, most)| most.map(|most| (name, most)));
                let replaced: String = replaced.map(|(name, most)| format!(", {name}={most}")).collect();
                format!("{protocol}/{name} at {bounds} bounds{replaced}")
            }
            Where::Simulation { name, seed, .. } => format!("{protocol}/{name} from seed {seed}"),
        }
    }
}

/// What is wrong with a file, by line.
fn at(file: &Path, bad: &BadTrace) -> String {
    format!("{}: {bad}", file.display())
}

fn read(file: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{} could not be read: {error}", file.display());
    let mut bytes = Vec::new();
    File::open(file).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{} is larger than {FILE_BYTES_MAX} bytes, which no trace is", file.display()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        format!("{} is no trace: byte {place} is no text (UTF-8)", file.display())
    })
}

/// Runs `replay`: the exit status, or why it could not be carried out.
pub(super) fn replay(registry: &Registry, args: &ReplayArgs, screen: &mut Screen<'_>) -> Result<u8, String> {
    let opened = Opened::of(registry, &args.file)?;
    let replayed = opened.rules.replay_file(&opened.text).map_err(|bad| at(&args.file, &bad))?;
    if args.rust {
        let test = pin::test(registry, &opened.header, &opened.place(), &opened.text, &replayed);
        screen.data(test.as_bytes()).map_err(|error| format!("the test could not be written: {error}"))?;
        return Ok(HOLDS);
    }
    screen.say(told(registry, &opened, &replayed, usize::from(screen.width)));
    if let Some(bad) = replayed.refused.as_ref().filter(|_| replayed.falls.is_empty()) {
        screen.complain(format_args!("error: {}", at(opened.file, bad)));
    }
    Ok(match (&replayed.falls[..], &replayed.refused) {
        ([_, ..], _) => VIOLATED,
        ([], Some(_)) => UNDECIDED,
        ([], None) => HOLDS,
    })
}

/// A replay in words.
fn told(registry: &Registry, opened: &Opened<'_>, replayed: &Replayed, width: usize) -> String {
    let Replayed { steps, events, times, falls, left_over, cycle, state, .. } = replayed;
    let mut text =
        format!("{}, {}, {}:\n", opened.place(), counted(steps.len(), "step"), counted(*events, "event"));
    let digits = steps.len().to_string().len();
    let indent = 2 + digits + 2;
    let turn = cycle.as_ref().map(|cycle| cycle.from);
    for (at, step) in steps.iter().enumerate() {
        if turn == Some(at) {
            let _ = writeln!(text, "  and {}", turning(true));
        }
        let time = times.get(at).copied().flatten();
        let step = time.map_or_else(|| step.clone(), |time| format!("[{}] {step}", duration(time.0)));
        let step = wrapped(&step, width.saturating_sub(indent), indent);
        let _ = writeln!(text, "  {:>digits$}. {step}", at + 1);
    }
    if turn == Some(steps.len()) {
        let _ = writeln!(text, "  and {}", turning(false));
    }
    text.push_str("the state then:\n");
    for line in state.lines() {
        let _ = writeln!(text, "  {line}");
    }
    for fall in falls {
        let _ = match turn {
            Some(_) if opened.header.property.as_ref() == Some(&fall.property) => {
                writeln!(text, "VIOLATED: {} (going round for ever, and fairly)", fall.property)
            }
            _ => writeln!(text, "VIOLATED: {} (after step {})", fall.property, fall.after),
        };
    }
    if let Some(why) = cycle.as_ref().and_then(|cycle| cycle.refuted.as_ref()) {
        let _ = writeln!(text, "going round for ever breaks no claim here: {why}");
    }
    if let Some(simulated) = &opened.header.simulated {
        text.push_str(&beyond(registry, &opened.header, simulated));
    }
    if *left_over > 0 {
        let _ = writeln!(
            text,
            "not replayed, since no world goes on from there: {}",
            counted(*left_over, "step")
        );
    }
    if falls.is_empty() {
        text.push_str("no property falls\n");
    }
    let named = opened.header.property.as_ref();
    if let Some(name) = named.filter(|name| falls.iter().all(|fall| fall.property != **name)) {
        let _ = writeln!(text, "the trace was written because this fell, and here it holds: {name}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// What a replay can say of what fell in a simulation and in no world.
fn beyond(registry: &Registry, header: &Header, simulated: &SimulatedFall) -> String {
    let SimulatedFall { property, seen_by, events } = simulated;
    let what = match seen_by {
        SeenBy::Healing => {
            "it fell after the faults had ended; a replay carries out what happened under faults, and not what came \
             of it without"
        }
        SeenBy::Answers => {
            "it compares requests with their answers, which no world remembers; a replay shows the answers, and does \
             not compare them"
        }
        SeenBy::Refusal => {
            "it falls where what happens is refused; a replay sees that, if the last action is the one refused"
        }
        SeenBy::Canary => {
            "it was made up to fall at an event of the run; there is nothing to see in a replay"
        }
    };
    let again = match &header.world {
        Where::Simulation { seed, .. } => {
            let (upto, canary) =
                (u128::from(*seed) + 1, if *seen_by == SeenBy::Canary { " --canary" } else { "" });
            format!(
                "  to see it fall: {} simulate {} --seeds {seed}..{upto} --events {events}{canary}\n",
                registry.command, header.protocol
            )
        }
        Where::Check { .. } => String::new(),
    };
    format!("in the simulation this fell: {property}\n  {what}\n{again}")
}

/// Runs `minimise`: the exit status, or why it could not be carried out.
pub(super) fn minimise(
    registry: &Registry,
    args: &MinimiseArgs,
    screen: &mut Screen<'_>,
) -> Result<u8, String> {
    let opened = Opened::of(registry, &args.file)?;
    let short = opened.rules.minimise_file(&opened.text).map_err(|bad| at(&args.file, &bad))?;
    if args.to.is_none() {
        screen.leave_out_to_data();
    }
    let (before, after) = short.lengths;
    let events = counted(short.events, "event");
    screen.say(format_args!("\"{}\" falls after {after} of {before} steps, {events}", short.property));
    screen.say(match short.is_minimal {
        true => "it does not without any one of these",
        false => "there was too much to try: perhaps fewer do",
    });
    match &args.to {
        None => {
            screen
                .data(short.text.as_bytes())
                .map_err(|error| format!("the trace could not be written: {error}"))?;
        }
        Some(file) => {
            written(file, short.text.as_bytes())?;
            let command = registry.command;
            screen.say(format_args!("to replay it: {command} replay {}", quoted(file)));
            let picture = quoted(&file.with_extension("svg"));
            screen.say(format_args!("to draw it:   {command} draw {} --to {picture}", quoted(file)));
        }
    }
    Ok(HOLDS)
}

/// Runs `draw`: the exit status, or why it could not be carried out.
pub(super) fn draw(registry: &Registry, args: &DrawArgs, screen: &mut Screen<'_>) -> Result<u8, String> {
    let format = Format::of(&args.to)?;
    let opened = Opened::of(registry, &args.file)?;
    let drawing = opened.rules.drawing(&opened.text).map_err(|bad| at(&args.file, &bad))?;
    written(&args.to, format.draw(&drawing).as_bytes())?;
    screen.say(format_args!("{}: {}", args.to.display(), counted(drawing.rows.len(), "event")));
    Ok(HOLDS)
}

fn written(file: &Path, bytes: &[u8]) -> Result<(), String> {
    write_file(file, bytes).map_err(|error| format!("{} could not be written: {error}", file.display()))
}

/// A file's name as a shell takes it.
pub(super) fn quoted(file: &Path) -> String {
    let name = file.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    if name.chars().all(is_plain) { name } else { format!("'{}'", name.replace('\'', r"'\''")) }
}
