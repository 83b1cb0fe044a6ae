//! The figures as a picture: where giving begins to pay.

use std::path::Path;

use plotters::prelude::*;

use super::{SIZES, Size, WAYS, name};

const PICTURE: (u32, u32) = (800, 500);
const COLOURS: [RGBColor; 3] = [
    RGBColor(0x1b, 0x9e, 0x77),
    RGBColor(0x75, 0x70, 0xb3),
    RGBColor(0xd9, 0x5f, 0x02),
];

/// Draws the medians of `sizes` into `give.svg`, beside `RESULTS.md`.
pub(super) fn draw(sizes: &[Size]) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("give.svg");
    let picture = SVGBackend::new(&path, PICTURE).into_drawing_area();
    lines(&picture, sizes)
        .and_then(|()| picture.present().map_err(|error| error.to_string()))
        .map_err(|error| format!("{} can not be drawn: {error}", path.display()))
}

fn lines(
    picture: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    sizes: &[Size],
) -> Result<(), String> {
    let words = |error: DrawingAreaErrorKind<_>| format!("{error}");
    let all = || sizes.iter().flat_map(|size| size.all).map(|us| us.median);
    let (low, high) = (all().fold(f64::MAX, f64::min), all().fold(0.0, f64::max));
    let (first, last) = (SIZES[0], SIZES[SIZES.len() - 1]);
    picture.fill(&WHITE).map_err(words)?;
    let mut chart = ChartBuilder::on(picture)
        .caption(
            "One task's bytes, until another has read them all",
            ("sans-serif", 18),
        )
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (first..last).log_scale().base(2.0),
            (low * 0.8..high * 1.25).log_scale(),
        )
        .map_err(words)?;
    chart
        .configure_mesh()
        .x_desc("size")
        .x_labels(SIZES.len())
        .x_label_formatter(&|bytes| name(*bytes))
        .y_desc("us, median")
        .draw()
        .map_err(words)?;
    for (way, colour) in COLOURS.iter().enumerate() {
        let points = sizes.iter().map(|size| (size.bytes, size.all[way].median));
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)).point_size(3))
            .map_err(words)?
            .label(WAYS[way])
            .legend(|(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(words)
}
