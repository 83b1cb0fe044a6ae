//! The thumbnail's file.

use alloc::format;
use alloc::string::String;
use core::ops::Deref;

use thumbnail_chain::{Fault, Picture, file_name};
use usufruct_guest::program::replace_file;

use crate::png;

/// Where the thumbnail goes.
#[derive(Debug)]
pub(crate) struct Target {
    path: String,
}

impl Target {
    /// The file that the program's argument names.
    pub(crate) fn new(argument: Option<String>) -> Result<Self, Fault> {
        match argument {
            Some(path) if file_name(&path).is_some() => Ok(Self { path }),
            _ => Err(Fault::new(
                "the thumbnail",
                "no file to write is named",
                "name one that ends in .png",
            )),
        }
    }

    /// The file's name, without the folder.
    pub(crate) fn name(&self) -> &str {
        file_name(&self.path).unwrap_or("the thumbnail")
    }

    /// Writes the file, whole or not at all. How many bytes it has.
    pub(crate) fn write(
        &self,
        picture: &Picture<impl Deref<Target = [u8]>>,
        title: &str,
    ) -> Result<usize, Fault> {
        let file = png::encode(picture, title);
        replace_file(&self.path, &file).map_err(|why| {
            let cause = format!("it can not be written: {why}");
            let way_out = "name a file in a folder that can be written to";
            Fault::new(self.name(), cause, way_out)
        })?;
        Ok(file.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_needs_a_file_name() {
        for argument in [None, Some(""), Some("/"), Some("/out/..")] {
            assert!(
                Target::new(argument.map(String::from)).is_err(),
                "{argument:?}"
            );
        }
        let target = Target::new(Some("/out/small.png".into())).unwrap();
        assert_eq!(target.name(), "small.png");
    }
}
