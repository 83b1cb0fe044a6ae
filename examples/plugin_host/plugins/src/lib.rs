//! What every plug-in in Rust begins with: the order of the editor.

use usufruct_guest::{Error, Port, Received, SmoId, TaskId};

/// The port on which a plug-in waits for its order.
const ORDER_PORT: u8 = 0;

/// One edit.
#[derive(Debug)]
pub struct Order {
    /// The whole text, to be read.
    pub text: Received,
    /// The selection, to be written.
    pub selection: Received,
    /// Where the selection begins in the text, in bytes.
    pub start: usize,
    /// How long it is, in bytes.
    pub len: usize,
    /// Whose order it is.
    pub editor: Option<TaskId>,
}

impl Order {
    /// Waits for it.
    ///
    /// # Errors
    ///
    /// An order that names no objects; whatever the kernel says.
    pub fn wait() -> Result<Self, Error> {
        let port = Port::open(ORDER_PORT)?;
        let message = port.wait()?;
        let [text, selection, start, len] = message.words;
        let object = |word| SmoId::from_word(word).map(Received::new);
        Ok(Self {
            text: object(text).ok_or(Error::InvalidId)?,
            selection: object(selection).ok_or(Error::InvalidId)?,
            start: usize::try_from(start).map_err(|_| Error::InvalidSize)?,
            len: usize::try_from(len).map_err(|_| Error::InvalidSize)?,
            editor: message.sender,
        })
    }

    /// The selection as it is in the text.
    ///
    /// # Errors
    ///
    /// Whatever the kernel says.
    pub fn selected(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; self.len];
        self.text.read_at(self.start, &mut bytes)?;
        Ok(bytes)
    }
}
