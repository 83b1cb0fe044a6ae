//! Medians over sizes, as a picture.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::file;
use crate::figure::{Case, Figure, Picture, Section, Unit};
use crate::words::amount;

const PICTURE: (u32, u32) = (800, 560);
const COLOURS: [RGBColor; 8] = [
    RGBColor(0x66, 0x66, 0x66),
    RGBColor(0x1b, 0x9e, 0x77),
    RGBColor(0xd9, 0x5f, 0x02),
    RGBColor(0x75, 0x70, 0xb3),
    RGBColor(0xe7, 0x29, 0x8a),
    RGBColor(0x66, 0xa6, 0x1e),
    RGBColor(0xe6, 0xab, 0x02),
    RGBColor(0xa6, 0x76, 0x1d),
];

/// Draws a section into a file of its name, if it is to have a picture: whether
/// it is.
pub(super) fn draw(section: &Section) -> Result<bool, String> {
    let Some(shown) = section.picture else {
        return Ok(false);
    };
    let path = file(&format!("results/{}.svg", section.name));
    let picture = SVGBackend::new(&path, PICTURE).into_drawing_area();
    lines(&picture, shown, &section.figures)
        .and_then(|()| picture.present().map_err(|error| error.to_string()))
        .map_err(|error| format!("{} can not be drawn: {error}", path.display()))?;
    Ok(true)
}

/// The points of one line: sizes, and nanoseconds.
fn points(figures: &[Figure], what: &str) -> Vec<(u32, f64)> {
    let of_line = figures.iter().filter(|figure| figure.what == what);
    of_line
        .filter_map(|figure| match figure.case {
            // No bytes have no place on a logarithmic scale.
            Case::Bytes(bytes) if bytes > 0 => Some((bytes, figure.spread().median)),
            _ => None,
        })
        .collect()
}

fn lines(
    picture: &DrawingArea<SVGBackend<'_>, Shift>,
    shown: Picture,
    figures: &[Figure],
) -> Result<(), String> {
    let words = |error: DrawingAreaErrorKind<_>| format!("{error}");
    let lines = shown
        .lines
        .iter()
        .map(|what| (*what, points(figures, what)));
    let lines: Vec<_> = lines.filter(|(_, points)| !points.is_empty()).collect();
    let all = || lines.iter().flat_map(|(_, points)| points);
    let (low, high) = all().fold((f64::MAX, 0.0_f64), |(low, high), (_, ns)| {
        (low.min(*ns), high.max(*ns))
    });
    let sizes = all().map(|(bytes, _)| *bytes);
    let (first, last) = sizes.fold((u32::MAX, 1), |(first, last), bytes| {
        (first.min(bytes), last.max(bytes))
    });
    picture.fill(&WHITE).map_err(words)?;
    let mut chart = ChartBuilder::on(picture)
        .caption(shown.caption, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            (first..last).log_scale().base(2.0),
            (low * 0.8..high * 1.25).log_scale(),
        )
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc("size")
        .x_labels(12)
        .x_label_formatter(&|bytes| amount(f64::from(*bytes), Unit::Bytes))
        .y_desc("median")
        .y_label_formatter(&|ns| amount(*ns, Unit::Nanoseconds))
        .draw()
        .map_err(words)?;
    for ((what, points), colour) in lines.into_iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))
            .map_err(words)?
            .label(what)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(words)
}
