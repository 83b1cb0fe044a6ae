//! A Lanczos filter in whole numbers: the same bytes on every machine, and the very ones of
//! the crate `fast_image_resize`, which needs vector instructions that a bare program has not.
//!
//! A sample of the result is the weighted mean of those around its place: first of a column,
//! then of a row of what came of that.

use alloc::vec;
use alloc::vec::Vec;
use core::f64::consts::PI;

/// How far a weight reaches, in samples of the smaller side.
const REACH: f64 = 3.0;
/// Weights are fractions of two to the power of at most so many bits, and fit an `i16`.
const MOST_BITS: u32 = 21;

/// Sides in pixels.
pub(crate) type Sides = (usize, usize);

/// Makes `small` of `large`, of `CHANNELS` samples a pixel. What they are longer than their
/// sides say stays as it is.
pub(crate) fn scale<const CHANNELS: usize>(
    (large, from): (&[u8], Sides),
    (small, to): (&mut [u8], Sides),
) {
    let row_bytes = from.0 * CHANNELS;
    let mut between;
    let columns = if from.1 == to.1 {
        large
    } else {
        between = vec![0; row_bytes * to.1];
        down(
            &Windows::new(from.1, to.1),
            (large, &mut between),
            row_bytes,
        );
        &between
    };
    if from.0 == to.0 {
        let both = small.iter_mut().zip(columns);
        both.take(row_bytes * to.1)
            .for_each(|(to, from)| *to = *from);
        return;
    }
    let windows = Windows::new(from.0, to.0);
    let rows = columns.chunks_exact(row_bytes);
    for (row, small) in rows.zip(small.chunks_exact_mut(to.0 * CHANNELS)) {
        across::<CHANNELS>(&windows, (row, small));
    }
}

/// Each row of `small` from the rows of its window. In vectors where there are any: whole
/// numbers come to the same sums.
#[cfg_attr(target_arch = "wasm32", target_feature(enable = "simd128"))]
fn down(windows: &Windows, (large, small): (&[u8], &mut [u8]), row_bytes: usize) {
    let mut sums = vec![0; row_bytes];
    for (window, small) in windows.all.iter().zip(small.chunks_exact_mut(row_bytes)) {
        sums.fill(windows.half());
        let rows = large.chunks_exact(row_bytes).skip(window.begin);
        for (weight, row) in window.weights.iter().zip(rows) {
            for (sum, sample) in sums.iter_mut().zip(row) {
                *sum += i32::from(*weight) * i32::from(*sample);
            }
        }
        for (sample, sum) in small.iter_mut().zip(&sums) {
            *sample = windows.sample(*sum);
        }
    }
}

/// Each pixel of `small` from the pixels of its window.
fn across<const CHANNELS: usize>(windows: &Windows, (large, small): (&[u8], &mut [u8])) {
    let (large, _) = large.as_chunks::<CHANNELS>();
    let (small, _) = small.as_chunks_mut::<CHANNELS>();
    for (window, pixel) in windows.all.iter().zip(small) {
        let mut sums = [windows.half(); CHANNELS];
        let pixels = large.get(window.begin..).unwrap_or_default();
        for (weight, pixel) in window.weights.iter().zip(pixels) {
            for (sum, sample) in sums.iter_mut().zip(pixel) {
                *sum += i32::from(*weight) * i32::from(*sample);
            }
        }
        *pixel = sums.map(|sum| windows.sample(sum));
    }
}

/// What a sample of the result is made of.
struct Window {
    /// The first one.
    begin: usize,
    weights: Vec<i16>,
}

/// One for each sample along a side.
struct Windows {
    all: Vec<Window>,
    /// The weights of a window come to two to this power.
    bits: u32,
}

impl Windows {
    fn new(from: usize, to: usize) -> Self {
        let exact: Vec<_> = (0..to).map(|place| weights(place, (from, to))).collect();
        let all = exact.iter().flat_map(|(_, weights)| weights);
        let largest = all.fold(0.0_f64, |largest, weight| largest.max(*weight));
        let fits = |bits: u32| libm::round(largest * power(bits + 1)) < power(15);
        let bits = (0..MOST_BITS)
            .find(|bits| !fits(*bits))
            .unwrap_or(MOST_BITS);
        let whole = |weights: Vec<f64>| {
            let weights = weights.into_iter();
            weights
                .map(|weight| rounded(weight * power(bits)))
                .collect()
        };
        let all = exact.into_iter().map(|(begin, weights)| Window {
            begin,
            weights: whole(weights),
        });
        let all = all.collect();
        Self { all, bits }
    }

    /// What a sum begins with, so that it is rounded to the nearest.
    fn half(&self) -> i32 {
        1 << (self.bits - 1)
    }

    fn sample(&self, sum: i32) -> u8 {
        (sum >> self.bits).clamp(0, 255).to_le_bytes()[0]
    }
}

fn power(bits: u32) -> f64 {
    f64::from(1_u32 << bits)
}

#[allow(clippy::cast_possible_truncation, reason = "it saturates")]
fn rounded(number: f64) -> i16 {
    libm::round(number) as i16
}

/// A place along a side: not negative, and no more than 65,535.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and only whole numbers come here"
)]
fn place(number: f64) -> usize {
    number as usize
}

/// Where the window of a place begins, and the weights of what is in it. They come to 1.
fn weights(at: usize, (from, to): (usize, usize)) -> (usize, Vec<f64>) {
    let [at, from, to] = [at, from, to].map(|side| f64::from(u32::try_from(side).unwrap_or(0)));
    let step = from / to;
    let stretch = step.max(1.0);
    let middle = (at + 0.5) * step;
    let begin = place(libm::floor(middle - REACH * stretch).max(0.0));
    let end = place(libm::ceil(middle + REACH * stretch).min(from));
    // A reciprocal, as the crate has it: a division would round otherwise.
    let shrink = 1.0 / stretch;
    let all: Vec<f64> = (begin..end)
        .map(|sample| {
            lanczos((f64::from(u32::try_from(sample).unwrap_or(0)) - (middle - 0.5)) * shrink)
        })
        .collect();
    let sum: f64 = all.iter().sum();
    // Weights of nothing at either end are left out.
    let first = all.iter().position(|weight| *weight != 0.0).unwrap_or(0);
    let last = all.iter().rposition(|weight| *weight != 0.0).unwrap_or(0);
    let window = all.get(first..=last).unwrap_or_default();
    let window = window
        .iter()
        .map(|weight| if sum == 0.0 { *weight } else { weight / sum });
    (begin + first, window.collect())
}

fn lanczos(distance: f64) -> f64 {
    if (-REACH..REACH).contains(&distance) {
        sinc(distance) * sinc(distance / REACH)
    } else {
        0.0
    }
}

fn sinc(distance: f64) -> f64 {
    if distance == 0.0 {
        return 1.0;
    }
    let angle = distance * PI;
    libm::sin(angle) / angle
}

/// Colours weighed by how visible they are: what is invisible must not colour its neighbours.
/// The last sample of a pixel is its alpha.
pub(crate) fn weigh<const CHANNELS: usize>(samples: &[u8]) -> Vec<u8> {
    let (pixels, _) = samples.as_chunks::<CHANNELS>();
    let weighed = pixels.iter().flat_map(|pixel| {
        let alpha = pixel[CHANNELS - 1];
        let mut weighed = pixel.map(|sample| hidden(sample, alpha));
        weighed[CHANNELS - 1] = alpha;
        weighed
    });
    weighed.collect()
}

/// `sample * alpha / 255`, to the nearest.
fn hidden(sample: u8, alpha: u8) -> u8 {
    let product = u32::from(sample) * u32::from(alpha) + 128;
    ((product + (product >> 8)) >> 8).to_le_bytes()[0]
}

/// Takes that back.
pub(crate) fn unweigh<const CHANNELS: usize>(samples: &mut [u8]) {
    let (pixels, _) = samples.as_chunks_mut::<CHANNELS>();
    for pixel in pixels {
        let alpha = pixel[CHANNELS - 1];
        *pixel = pixel.map(|sample| shown(sample, alpha));
        pixel[CHANNELS - 1] = alpha;
    }
}

/// `sample * 255 / alpha`, nearly: by a reciprocal of 8 bits behind the point.
fn shown(sample: u8, alpha: u8) -> u8 {
    let reciprocal = match u32::from(alpha) {
        0 => 0,
        alpha => (255 * 512 / alpha + 1) >> 1,
    };
    let shown = (u32::from(sample) * reciprocal + 128) >> 8;
    u8::try_from(shown).unwrap_or(255)
}
