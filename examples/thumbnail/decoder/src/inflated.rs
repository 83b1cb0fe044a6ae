//! How much a compressed stream holds, without room for it.

use alloc::boxed::Box;
use alloc::vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

/// As far back as a stream may refer, in bytes.
const WINDOW_BYTES: usize = 32 << 10;

/// How many bytes a zlib stream holds; `None` if it is broken, or they are more than `most`.
pub(crate) fn inflated_bytes(stream: &[u8], most: u64) -> Option<u64> {
    let mut inflater = Box::<DecompressorOxide>::default();
    let mut window = vec![0; WINDOW_BYTES];
    let (mut rest, mut bytes) = (stream, 0);
    loop {
        let at = usize::try_from(bytes).ok()? % WINDOW_BYTES;
        let flags = TINFL_FLAG_PARSE_ZLIB_HEADER;
        let (status, taken, made) = decompress(&mut inflater, rest, &mut window, at, flags);
        rest = rest.get(taken..)?;
        bytes += made as u64;
        match status {
            _ if bytes > most => return None,
            TINFLStatus::Done => return Some(bytes),
            TINFLStatus::HasMoreOutput => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use miniz_oxide::deflate::compress_to_vec_zlib;

    #[test]
    fn a_stream_is_counted_to_its_end_and_not_beyond_the_most() {
        for bytes in [0, 1, 32_767, 32_768, 32_769, 100_000] {
            let plain: Vec<u8> = (0..bytes).map(|n: u32| (n / 7).to_le_bytes()[0]).collect();
            let stream = compress_to_vec_zlib(&plain, 6);
            let bytes = u64::from(bytes);
            assert_eq!(inflated_bytes(&stream, bytes), Some(bytes));
            assert_eq!(inflated_bytes(&stream, u64::MAX), Some(bytes));
            if bytes > 0 {
                assert_eq!(inflated_bytes(&stream, bytes - 1), None);
            }
            for length in 0..stream.len() {
                assert_eq!(
                    inflated_bytes(&stream[..length], u64::MAX),
                    None,
                    "{length}"
                );
            }
        }
    }
}
