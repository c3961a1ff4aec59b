//! How states grow by depth.

use std::fmt::Write as _;

use plotters::prelude::*;

use crate::check::Report;

/// The size of a plot, in pixels.
const SIZE: (u32, u32) = (1100, 420);
/// Points of a small plot: more cannot be seen.
const POINTS: usize = 60;
/// How many worlds have a line of their own.
const LINES: usize = 12;

/// The number of states first found by a path of each length, a line a world, the largest worlds.
pub(super) fn growth(reports: &[&Report]) -> String {
    let mut largest: Vec<&&Report> = reports.iter().filter(|report| report.by_depth.len() > 1).collect();
    largest.sort_by_key(|report| std::cmp::Reverse(report.unique));
    largest.truncate(LINES);
    let mut svg = String::new();
    if largest.is_empty() || draw(&mut svg, &largest).is_err() {
        return "<p>no world has more than one depth</p>".to_owned();
    }
    // So that it is read on dark pages too.
    svg.replace("#000000", "currentColor").replace("fill=\"#FFFFFF\"", "fill=\"none\"")
}

fn draw(svg: &mut String, reports: &[&&Report]) -> Result<(), Box<dyn std::error::Error>> {
    let deepest = reports.iter().map(|report| shown(report).len()).max().unwrap_or(1);
    let most = reports.iter().flat_map(|report| &report.by_depth).max().copied().unwrap_or(1);
    let root = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(64)
        .build_cartesian_2d(0..deepest, (1..most.max(2)).log_scale())?;
    chart
        .configure_mesh()
        .x_desc("length of the path by which a state was first found")
        .y_desc("distinct states")
        .light_line_style(BLACK.mix(0.0))
        .bold_line_style(BLACK.mix(0.12))
        .draw()?;
    for (number, report) in reports.iter().enumerate() {
        let color = Palette99::pick(number).mix(0.9);
        let points = shown(report).iter().enumerate().filter(|(_, states)| **states > 0);
        chart
            .draw_series(LineSeries::new(
                points.map(|(depth, states)| (depth, *states)),
                color.stroke_width(2),
            ))?
            .label(report.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(3)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .border_style(BLACK.mix(0.0))
        .draw()?;
    root.present()?;
    drop(chart);
    drop(root);
    Ok(())
}

/// As much of it as tells: a depth-first search goes on along paths that hardly anything is new on.
fn shown(report: &Report) -> &[u64] {
    let all: u64 = report.by_depth.iter().sum();
    let mut so_far = 0;
    let enough = report.by_depth.iter().position(|states| {
        so_far += states;
        so_far >= all - all / 1000
    });
    report.by_depth.get(..=enough.unwrap_or(0)).unwrap_or(&report.by_depth)
}

/// A small plot of the same, to stand in a table.
#[allow(clippy::cast_precision_loss, reason = "places in a picture")]
pub(super) fn spark(by_depth: &[u64]) -> String {
    let points = by_depth.len().clamp(1, POINTS);
    let each = by_depth.len().div_ceil(points).max(1);
    let sums: Vec<u64> = by_depth.chunks(each).map(|chunk| chunk.iter().sum()).collect();
    let most = sums.iter().max().copied().unwrap_or(0).max(1) as f64;
    let mut path = "M0 20".to_owned();
    for (at, sum) in sums.iter().enumerate() {
        let x = at as f64 * 100.0 / sums.len().saturating_sub(1).max(1) as f64;
        let _ = write!(path, "L{x:.1} {:.1}", (*sum as f64 / most).mul_add(-19.0, 20.0));
    }
    path.push_str("L100 20Z");
    format!(
        "<svg class=\"spark\" viewBox=\"0 0 100 20\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path d=\"{path}\"/></svg>"
    )
}
