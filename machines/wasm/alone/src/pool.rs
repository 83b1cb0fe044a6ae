//! The pool's bytes, which no task sees: all views of it are the kernel's.

use std::convert::Infallible;

use usufruct_core::Pool as Place;

use crate::layout::POOL_START;
use crate::mapping::{self, Mapping};

#[path = "../../src/pool/bytes.rs"]
mod bytes;
mod view;
#[path = "../../src/pool/views.rs"]
mod views;

pub(crate) use self::bytes::PoolBytes;
pub(crate) use self::views::Views;

#[derive(Debug)]
pub(crate) struct Pool(PoolBytes);

impl Pool {
    pub(crate) fn new(pages: u32) -> Self {
        let Ok(page_bytes) = page_bytes();
        let mapping = Mapping::reserved(mapping::page_bytes() * pages as usize).unwrap();
        Self(PoolBytes::new(mapping, page_bytes, pages))
    }

    pub(crate) fn bytes(&self) -> &PoolBytes {
        &self.0
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            start: u32::try_from(POOL_START).unwrap(),
            page_bytes: self.0.page_bytes(),
            pages: self.0.pages(),
        }
    }
}

pub(crate) fn page_bytes() -> Result<u32, Infallible> {
    Ok(u32::try_from(mapping::page_bytes()).unwrap())
}
