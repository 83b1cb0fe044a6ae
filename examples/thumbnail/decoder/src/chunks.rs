//! The chunks of a PNG file: all that the specification forbids is refused here, and the
//! decoder sees no more of the file than the samples need.
//!
//! It would otherwise inflate profiles and texts whatever they come to, and take files whose
//! palette is missing for pictures.

use alloc::format;
use alloc::vec::Vec;

use thumbnail_chain::{Fault, Size};

use crate::decode::{broken, size};

#[cfg(test)]
mod tests;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
const CHECKSUM_BYTES: usize = 4;

/// What a file holds of its picture.
#[derive(Debug)]
pub(crate) struct Chunks {
    pub(crate) header: Header,
    /// A PNG file of header, palette, transparency, all samples in one chunk, and end. Its
    /// checksums are zeros: those of the file have been compared.
    pub(crate) file: Vec<u8>,
    /// The first Exif data, without the prefix that some programs copy from JPEG files.
    pub(crate) exif: Option<Vec<u8>>,
    palette_colours: Option<usize>,
    has_transparency: bool,
    /// Where the chunk of the samples begins in `file`.
    samples_at: Option<usize>,
}

impl Chunks {
    /// Takes a file apart.
    pub(crate) fn read(file: &[u8]) -> Result<Self, Fault> {
        let rest = file.strip_prefix(&SIGNATURE);
        let ((name, data), mut rest) = next(rest.ok_or_else(|| wrong("it has no signature"))?)?;
        if name != *b"IHDR" {
            return Err(wrong("it does not begin with its header"));
        }
        let mut chunks = Self {
            header: Header::read(data)?,
            file: Vec::with_capacity(file.len()),
            exif: None,
            palette_colours: None,
            has_transparency: false,
            samples_at: None,
        };
        chunks.file.extend_from_slice(&SIGNATURE);
        chunks.keep(name, data)?;
        let mut last = name;
        while last != *b"IEND" {
            let ((name, data), behind) = next(rest)?;
            chunks.take(name, data, last)?;
            (last, rest) = (name, behind);
        }
        Ok(chunks)
    }

    /// Samples of a pixel, once the palette is looked up and the transparency is there.
    pub(crate) fn channels(&self) -> u8 {
        let colours = match self.header.kind {
            Header::PALETTE => 3,
            _ => self.header.samples,
        };
        colours + u8::from(self.has_transparency)
    }

    /// All samples as they are compressed, and what comes behind.
    pub(crate) fn compressed(&self) -> &[u8] {
        let at = self.samples_at.map_or(self.file.len(), |at| at + 4 + 4);
        self.file.get(at..).unwrap_or_default()
    }

    fn take(&mut self, name: [u8; 4], data: &[u8], last: [u8; 4]) -> Result<(), Fault> {
        match &name {
            b"PLTE" => self.palette(data),
            b"tRNS" => self.transparency(data),
            b"IDAT" => self.samples(data, last),
            b"IEND" => self.end(data),
            b"eXIf" => {
                let exif = data.strip_prefix(b"Exif\0\0").unwrap_or(data);
                self.exif.get_or_insert_with(|| exif.to_vec());
                Ok(())
            }
            // What may be skipped says so by the case of its first letter.
            [b'a'..=b'z', ..] => Ok(()),
            _ => {
                let name = name.escape_ascii();
                Err(wrong(&format!("no chunk {name} belongs there")))
            }
        }
    }

    fn palette(&mut self, data: &[u8]) -> Result<(), Fault> {
        let is_late = self.palette_colours.is_some() || self.has_transparency;
        if is_late || self.samples_at.is_some() {
            return Err(wrong("its palette is not the first, or comes too late"));
        }
        let most = match self.header.kind {
            Header::GREY | Header::GREY_ALPHA => 0,
            Header::PALETTE => 1 << self.header.depth,
            _ => 256,
        };
        let colours = data.len() / 3;
        if !(1..=most).contains(&colours) || !data.len().is_multiple_of(3) {
            let cause = format!("its palette has {} bytes; {most} colours fit", data.len());
            return Err(wrong(&cause));
        }
        self.palette_colours = Some(colours);
        // Elsewhere it is advice for screens of few colours.
        match self.header.kind {
            Header::PALETTE => self.keep(*b"PLTE", data),
            _ => Ok(()),
        }
    }

    fn transparency(&mut self, data: &[u8]) -> Result<(), Fault> {
        let fits = match self.header.kind {
            Header::GREY => data.len() == 2,
            Header::COLOUR => data.len() == 6,
            Header::PALETTE => self.palette_colours.is_some_and(|most| data.len() <= most),
            _ => false,
        };
        if !fits || self.has_transparency || self.samples_at.is_some() {
            let cause = "its transparency is not the first, comes too late, or does not fit";
            return Err(wrong(cause));
        }
        self.has_transparency = true;
        if self.header.depth < 16 {
            return self.keep(*b"tRNS", data);
        }
        // The decoder compares the numbers as the machine stores them with the samples as
        // the file does.
        let (numbers, _) = data.as_chunks();
        let numbers = numbers.iter().map(|number| u16::from_be_bytes(*number));
        let stored: Vec<u8> = numbers.flat_map(u16::to_ne_bytes).collect();
        self.keep(*b"tRNS", &stored)
    }

    fn samples(&mut self, data: &[u8], last: [u8; 4]) -> Result<(), Fault> {
        match self.samples_at {
            None if self.header.kind == Header::PALETTE && self.palette_colours.is_none() => {
                Err(wrong("it has no palette before its samples"))
            }
            None => {
                self.samples_at = Some(self.file.len());
                self.keep(*b"IDAT", data)
            }
            Some(_) if last == *b"IDAT" => {
                self.file.truncate(self.file.len() - CHECKSUM_BYTES);
                self.file.extend_from_slice(data);
                self.file.extend_from_slice(&[0; CHECKSUM_BYTES]);
                Ok(())
            }
            Some(_) => Err(wrong("there is something between its samples")),
        }
    }

    fn end(&mut self, data: &[u8]) -> Result<(), Fault> {
        if !data.is_empty() {
            return Err(wrong("its end is not empty"));
        }
        let at = self.samples_at.ok_or_else(|| wrong("it has no samples"))?;
        let whole = self.file.get_mut(at..).unwrap_or_default();
        let length = length_bytes(whole.len() - (4 + 4 + CHECKSUM_BYTES))?;
        whole[..4].copy_from_slice(&length);
        self.keep(*b"IEND", data)
    }

    fn keep(&mut self, name: [u8; 4], data: &[u8]) -> Result<(), Fault> {
        self.file.extend_from_slice(&length_bytes(data.len())?);
        self.file.extend_from_slice(&name);
        self.file.extend_from_slice(data);
        self.file.extend_from_slice(&[0; CHECKSUM_BYTES]);
        Ok(())
    }
}

/// What the first chunk says; no combination that the specification does not list.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) size: Size,
    /// Bits of a sample.
    pub(crate) depth: u8,
    pub(crate) is_interlaced: bool,
    /// Samples of a pixel as they are stored.
    pub(crate) samples: u8,
    kind: u8,
}

impl Header {
    const GREY: u8 = 0;
    const COLOUR: u8 = 2;
    const PALETTE: u8 = 3;
    const GREY_ALPHA: u8 = 4;
    const COLOUR_ALPHA: u8 = 6;

    fn read(data: &[u8]) -> Result<Self, Fault> {
        let &[
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            depth,
            kind,
            compression,
            filter,
            interlacing,
        ] = data
        else {
            return Err(wrong("its header has not the right length"));
        };
        let width = u32::from_be_bytes([w0, w1, w2, w3]);
        let size = size(width, u32::from_be_bytes([h0, h1, h2, h3]))?;
        let samples = match (kind, depth) {
            (Self::GREY, 1 | 2 | 4 | 8 | 16) | (Self::PALETTE, 1 | 2 | 4 | 8) => 1,
            (Self::GREY_ALPHA, 8 | 16) => 2,
            (Self::COLOUR, 8 | 16) => 3,
            (Self::COLOUR_ALPHA, 8 | 16) => 4,
            _ => {
                let cause =
                    format!("there are no {depth} bits a sample with colours of type {kind}");
                return Err(wrong(&cause));
            }
        };
        // There is one way to compress, one to filter, and one to interlace.
        let is_interlaced = match (compression, filter, interlacing) {
            (0, 0, 0) => false,
            (0, 0, 1) => true,
            _ => return Err(wrong("its header names ways that there are not")),
        };
        Ok(Self {
            size,
            depth,
            is_interlaced,
            samples,
            kind,
        })
    }

    /// What all rows come to, each with the byte that names its filter.
    pub(crate) fn stream_bytes(&self) -> u64 {
        /// Adam7's: the first column and row of each pass, and how far the next ones are.
        const PASSES: [[u64; 4]; 7] = [
            [0, 0, 8, 8],
            [4, 0, 8, 8],
            [0, 4, 4, 8],
            [2, 0, 4, 4],
            [0, 2, 2, 4],
            [1, 0, 2, 2],
            [0, 1, 1, 2],
        ];
        let passes: &[_] = match self.is_interlaced {
            true => &PASSES,
            false => &[[0, 0, 1, 1]],
        };
        let width = u64::from(self.size.width());
        let height = u64::from(self.size.height());
        let pixel_bits = u64::from(self.depth) * u64::from(self.samples);
        let of_pass = |&[left, top, across, down]: &[u64; 4]| {
            let columns = width.saturating_sub(left).div_ceil(across);
            let rows = height.saturating_sub(top).div_ceil(down);
            let row_bytes = (columns * pixel_bits).div_ceil(8) + 1;
            // A pass without pixels has no rows.
            if columns == 0 { 0 } else { rows * row_bytes }
        };
        passes.iter().map(of_pass).sum()
    }
}

/// A chunk's name and data.
type Chunk<'a> = ([u8; 4], &'a [u8]);

/// A chunk, and what comes behind it.
fn next(file: &[u8]) -> Result<(Chunk<'_>, &[u8]), Fault> {
    let split = || {
        let (length, rest) = file.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (checked, rest) = rest.split_at_checked(length.checked_add(4)?)?;
        let (checksum, rest) = rest.split_first_chunk()?;
        let (name, data) = checked.split_first_chunk()?;
        let is_sound = crc32fast::hash(checked) == u32::from_be_bytes(*checksum);
        Some((*name, data, rest, is_sound))
    };
    let (name, data, rest, is_sound) = split().ok_or_else(|| wrong("it ends too early"))?;
    if !is_sound {
        let name = name.escape_ascii();
        return Err(wrong(&format!("the checksum of its chunk {name} is wrong")));
    }
    Ok(((name, data), rest))
}

fn length_bytes(length: usize) -> Result<[u8; 4], Fault> {
    let length = u32::try_from(length).map_err(|_| wrong("it has too many samples"))?;
    Ok(length.to_be_bytes())
}

fn wrong(why: &str) -> Fault {
    broken("PNG", &why)
}
