//! What two tasks say to each other.

use std::thread::sleep;
use std::time::Duration;

use usufruct_guest::{Error, Message, Port, TaskId, send, wait_for_task};

const PORT: u8 = 0;
const PATIENCE: Duration = Duration::from_secs(20);

/// This task's end of it.
pub(crate) struct Talk {
    port: Port,
    other: TaskId,
}

impl Talk {
    /// Waits until the other one is there.
    pub(crate) fn with(name: &str) -> Self {
        let port = Port::open(PORT).unwrap();
        let other = wait_for_task(name, PATIENCE, sleep).unwrap();
        Self { port, other }
    }

    pub(crate) fn other(&self) -> TaskId {
        self.other
    }

    pub(crate) fn port(&self) -> &Port {
        &self.port
    }

    /// Says words, as soon as the other one listens.
    pub(crate) fn say(&self, words: [i32; 4]) {
        for _ in 0..PATIENCE.as_millis() {
            match send(self.other, PORT, words) {
                Err(Error::PortDisabled) => sleep(Duration::from_millis(1)),
                said => return said.unwrap(),
            }
        }
        panic!("the other task does not listen");
    }

    /// Names pages.
    pub(crate) fn name_pages(&self, [address, size]: [i32; 2]) {
        self.say([address, size, 0, 0]);
    }

    /// The next message, whoever it is from.
    pub(crate) fn hear(&self) -> Message {
        let message = self.port.wait_for(PATIENCE).unwrap();
        message.expect("the other task says something")
    }

    /// The pages that the other one names next.
    pub(crate) fn hear_of_pages(&self) -> [i32; 2] {
        let message = self.hear();
        assert_eq!(message.sender, Some(self.other));
        let [address, size, ..] = message.words;
        [address, size]
    }

    /// A word that only says that something has happened.
    pub(crate) fn nod(&self) {
        self.say([0; 4]);
    }

    pub(crate) fn wait_for_nod(&self) {
        let message = self.hear();
        assert_eq!((message.sender, message.words), (Some(self.other), [0; 4]));
    }
}
