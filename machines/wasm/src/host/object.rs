//! What tasks have shared with the host.

use usufruct_core::{CopyRequest, Direction, Request, SmoId, TaskId, Window as Part};

use super::border::{WINDOW_START, Window};
use super::{Host, HostError};

/// An object of which the host is the target. Its owner may take it back at any
/// moment: then every call is refused. (docs/calls.md, section 2)
#[derive(Clone, Debug)]
pub struct Object {
    host: Host,
    id: SmoId,
}

impl Object {
    pub(super) fn new(host: Host, id: SmoId) -> Self {
        Self { host, id }
    }

    /// Its id, as tasks know it.
    #[must_use]
    pub fn id(&self) -> SmoId {
        self.id
    }

    /// How many bytes it has. (`mem_size`)
    ///
    /// # Errors
    ///
    /// [`HostError::Copy`]: it is not there, or not shared with the host.
    pub fn size(&self) -> Result<usize, HostError> {
        self.host.size_of(self.id)
    }

    /// Copies bytes of it, from `offset` on, in bytes, and fills `into`. (`read_mem`)
    ///
    /// # Errors
    ///
    /// [`HostError::Copy`]; when the object is taken back meanwhile, a part of
    /// `into` may have been filled.
    pub fn read(&self, offset: usize, into: &mut [u8]) -> Result<(), HostError> {
        let request = self.request(Direction::Read, offset, into.len())?;
        self.host.copy(&request, Window::filling(into))
    }

    /// All bytes of it, as they are now.
    ///
    /// # Errors
    ///
    /// As [`Self::size`] and [`Self::read`].
    pub fn to_vec(&self) -> Result<Vec<u8>, HostError> {
        let mut bytes = vec![0; self.size()?];
        self.read(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies bytes into it, at `offset`, in bytes. (`write_mem`)
    ///
    /// # Errors
    ///
    /// [`HostError::Copy`]; when the object is taken back meanwhile, a part of
    /// `bytes` may have been copied.
    pub fn write(&self, offset: usize, bytes: &[u8]) -> Result<(), HostError> {
        let request = self.request(Direction::Write, offset, bytes.len())?;
        self.host.copy(&request, Window::of(bytes))
    }

    /// Makes another task its target; the host has lost it when this returns.
    /// (`pass_mem`)
    ///
    /// # Errors
    ///
    /// [`HostError::Denied`]: then the host is still its target, if it was.
    pub fn pass(self, task: TaskId) -> Result<(), HostError> {
        self.host.control(&Request::PassMem {
            smo: self.id.raw(),
            target: task.raw(),
        })?;
        Ok(())
    }

    fn request(
        &self,
        direction: Direction,
        offset: usize,
        len: usize,
    ) -> Result<CopyRequest, HostError> {
        // No object is that large.
        let too_far = |_| HostError::Copy(usufruct_abi::Error::InvalidSize);
        Ok(CopyRequest {
            direction,
            smo: self.id.raw(),
            offset: i32::try_from(offset).map_err(too_far)?,
            size: i32::try_from(len).map_err(too_far)?,
            buffer: WINDOW_START,
            window: Part::WHOLE,
        })
    }
}
