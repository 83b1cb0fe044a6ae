//! The thumbnail's file.

use std::ffi::{OsStr, OsString};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::{fs, io};

use png::{BitDepth, ColorType, Encoder};
use thumbnail_chain::{Fault, Picture};

/// Where the thumbnail goes.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
}

impl Target {
    /// The file that the program's argument names.
    pub(crate) fn new(argument: Option<OsString>) -> Result<Self, Fault> {
        match argument.map(PathBuf::from) {
            Some(path) if path.file_name().is_some() => Ok(Self { path }),
            _ => Err(Fault::new(
                "the thumbnail",
                "no file to write is named",
                "name one that ends in .png",
            )),
        }
    }

    /// The file's name, without the folder.
    pub(crate) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(OsStr::new("the thumbnail"));
        name.to_string_lossy().into_owned()
    }

    /// Writes the file, whole or not at all. How many bytes it has.
    pub(crate) fn write(
        &self,
        picture: &Picture<impl Deref<Target = [u8]>>,
        title: &str,
    ) -> Result<usize, Fault> {
        let file = encode(picture, title).map_err(|why| {
            let cause = format!("it can not be encoded: {why}");
            Fault::new(self.name(), cause, "use another picture")
        })?;
        replace(&self.path, &file).map_err(|why| {
            let cause = format!("it can not be written: {why}");
            Fault::new(
                self.name(),
                cause,
                "name a file in a folder that can be written to",
            )
        })?;
        Ok(file.len())
    }
}

/// The old file stays until the new one is complete.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let replaced = fs::write(&part, contents).and_then(|()| fs::rename(&part, path));
    if replaced.is_err() {
        // The error that counts is the first.
        let _ = fs::remove_file(&part);
    }
    replaced
}

/// A PNG file. The same bytes for the same picture and title, always.
fn encode(
    picture: &Picture<impl Deref<Target = [u8]>>,
    title: &str,
) -> Result<Vec<u8>, png::EncodingError> {
    let shape = picture.shape();
    let colours = match shape.channels() {
        1 => ColorType::Grayscale,
        2 => ColorType::GrayscaleAlpha,
        3 => ColorType::Rgb,
        _ => ColorType::Rgba,
    };
    let mut file = Vec::new();
    let size = shape.size();
    let mut encoder = Encoder::new(&mut file, size.width(), size.height());
    encoder.set_color(colours);
    encoder.set_depth(BitDepth::Eight);
    encoder.add_itxt_chunk("Title".to_owned(), title.to_owned())?;
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture.samples())?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use thumbnail_chain::{Shape, Size};

    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        for channels in 1..=4 {
            let shape = Shape::new(Size::new(5, 3).unwrap(), channels).unwrap();
            let samples: Vec<u8> = (0..shape.bytes())
                .map(|n| n.to_le_bytes()[0].wrapping_mul(7))
                .collect();
            let picture = Picture::new(shape, samples.clone()).unwrap();
            let file = encode(&picture, "rocket \u{1f680}").unwrap();

            let mut reader = png::Decoder::new(Cursor::new(file)).read_info().unwrap();
            let mut back = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut back).unwrap();
            assert_eq!(back, samples);
            let title = reader.info().utf8_text[0].get_text().unwrap();
            assert_eq!(title, "rocket \u{1f680}");
        }
    }

    #[test]
    fn a_target_needs_a_file_name() {
        for argument in [None, Some(""), Some("/"), Some("/out/..")] {
            assert!(
                Target::new(argument.map(OsString::from)).is_err(),
                "{argument:?}"
            );
        }
        let target = Target::new(Some("/out/small.png".into())).unwrap();
        assert_eq!(target.name(), "small.png");
    }
}
