//! Why calls are refused: rich for the host, few words for the guest.

use core::fmt;

use crate::id::SmoId;
use usufruct_abi::{Error, PortfolioError};

/// Everything that a call may be refused for. What a guest may know of it is
/// [`Denied::error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// The caller's task is ending: none of its rights work any more.
    CallerEnding,
    /// 0 or negative: no object's id.
    NotAnId(i32),
    /// No live object has this id.
    NoSuchSmo(SmoId),
    /// The caller is not the object's owner.
    NotOwner(SmoId),
    /// The caller is not the object's target.
    NotTarget(SmoId),
    /// The object was shared without the right that the call needs.
    MissingRight(SmoId),
    /// The range reaches out of the object.
    OutOfObject(SmoId),
    /// A share of less than one byte.
    BadSize(i32),
    /// Permissions other than READ, WRITE or both.
    BadPermissions(i32),
    /// No live task has this number.
    NoSuchTask(i32),
    /// No live task has this name.
    NoSuchName,
    /// A living task has this name already.
    NameTaken,
    /// Not 1 to 31 bytes.
    BadName,
    /// A range is not, or not wholly, the caller's memory.
    CallerMemory,
    /// The owner's side of the object is no longer accessible.
    OwnerMemory(SmoId),
    /// The caller owns as many objects as it may.
    QuotaUsedUp,
    /// No object is free but those that other tasks are sure of.
    SmoTableFull,
    /// As many tasks live as the kernel was made for.
    TaskTableFull,
    /// No message place is free but those that other ports are sure of.
    MessageTableFull,
    /// Not a port's number.
    BadPort(i32),
    /// The port is closed.
    PortClosed(u8),
    /// `open_port`: it is open already.
    PortOpen(u8),
    /// The port takes no more from this sender now.
    PortFull(u8),
    /// Nothing there, or nothing came in time.
    NoMessage(u8),
    /// The caller is not attached to the pool.
    NotAttached,
    /// `ControlMem`: none of the commands.
    BadCommand(i32),
    /// `AllocMemBlocks`: flags that mean nothing.
    BadFlags(u32),
    /// The task that was to gain or lose by the call is ending.
    TargetEnding,
    /// Not all of the range lies in the pool.
    OutOfPool,
    /// The caller does not own this page.
    NotPageOwner(u32),
    /// The page is frozen: nobody may write it before its owner thaws it.
    PageFrozen(u32),
    /// Somebody may write this page, or is about to: it can not be frozen now.
    PageWritable(u32),
    /// The task may not write this page.
    ForbiddenStore(u32),
    /// The task owns as many pages as it may.
    PageQuotaUsedUp,
    /// The pages that are free are promised to others.
    PagesReserved,
    /// There are not so many free pages in one piece.
    NoFreePages,
    /// The rest of the table of rights is promised to other pages.
    HoldingTableFull,
    /// The machine has no mapping left for a new right.
    NoMapping,
    /// The object's owner may not write there itself.
    OwnerMayNotWrite(SmoId),
    /// The caller may not write the pages where the result is to go.
    CallerMayNotWrite,
}

impl Denied {
    /// What the guest is told. No wildcard: whoever adds a refusal decides it.
    #[must_use]
    pub const fn error(self) -> Error {
        match self {
            Self::NotAnId(_) => Error::InvalidId,
            Self::NoSuchSmo(_) => Error::InvalidSmo,
            Self::NotOwner(_) => Error::SmoNotOwned,
            Self::NotTarget(_) => Error::NotSmoTarget,
            Self::MissingRight(_)
            | Self::OwnerMayNotWrite(_)
            | Self::CallerMayNotWrite
            | Self::NotPageOwner(_)
            | Self::PageFrozen(_)
            | Self::PageWritable(_)
            | Self::ForbiddenStore(_) => Error::NoPermission,
            Self::OutOfObject(_) | Self::BadSize(_) | Self::BadFlags(_) | Self::BadCommand(_) => {
                Error::InvalidSize
            }
            Self::BadPermissions(_) => Error::InvalidPerms,
            Self::CallerEnding
            | Self::NoSuchTask(_)
            | Self::NoSuchName
            | Self::NameTaken
            | Self::TargetEnding
            | Self::BadName => Error::InvalidTsk,
            Self::CallerMemory | Self::OwnerMemory(_) | Self::OutOfPool | Self::NotAttached => {
                Error::InvalidPtr
            }
            Self::QuotaUsedUp => Error::TooManySmos,
            Self::SmoTableFull
            | Self::TaskTableFull
            | Self::MessageTableFull
            | Self::PageQuotaUsedUp
            | Self::PagesReserved
            | Self::NoFreePages
            | Self::HoldingTableFull
            | Self::NoMapping => Error::NoMem,
            Self::BadPort(_) => Error::InvalidPort,
            Self::PortClosed(_) | Self::PortOpen(_) => Error::PortDisabled,
            Self::PortFull(_) => Error::PortFull,
            Self::NoMessage(_) => Error::NoMsg,
        }
    }

    /// The same as `ControlMem` answers it.
    #[must_use]
    pub fn portfolio_error(self) -> PortfolioError {
        if matches!(self, Self::BadCommand(_)) {
            return PortfolioError::BadMemCmd;
        }
        match self.error() {
            Error::InvalidTsk => PortfolioError::BadItem,
            Error::NoMem | Error::TooManySmos => PortfolioError::NoMem,
            Error::InvalidSize | Error::InvalidPerms => PortfolioError::ParamError,
            Error::Ok
            | Error::InvalidPtr
            | Error::InvalidId
            | Error::NoPermission
            | Error::InvalidPort
            | Error::PortDisabled
            | Error::PortFull
            | Error::NoMsg
            | Error::InvalidSmo
            | Error::NotSmoTarget
            | Error::SmoNotOwned => PortfolioError::BadPtr,
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CallerEnding => f.write_str("the caller is ending"),
            Self::NotAnId(raw) => write!(f, "{raw} can not be an object's id"),
            Self::NoSuchSmo(smo) => write!(f, "no live object is {smo:?}"),
            Self::NotOwner(smo) => write!(f, "the caller does not own {smo:?}"),
            Self::NotTarget(smo) => write!(f, "the caller is not the target of {smo:?}"),
            Self::MissingRight(smo) => write!(f, "{smo:?} was shared without that right"),
            Self::OutOfObject(smo) => write!(f, "the range reaches out of {smo:?}"),
            Self::BadSize(size) => write!(f, "an object of {size} bytes can not be"),
            Self::BadPermissions(raw) => write!(f, "{raw} is neither READ 2, WRITE 4 nor both 6"),
            Self::NoSuchTask(raw) => write!(f, "no live task is {raw}"),
            Self::NoSuchName => f.write_str("no live task has this name"),
            Self::NameTaken => f.write_str("a living task has this name"),
            Self::BadName => f.write_str("a task's name has 1 to 31 bytes"),
            Self::CallerMemory => f.write_str("the range is not the caller's memory"),
            Self::OwnerMemory(smo) => write!(f, "the memory behind {smo:?} is gone"),
            Self::QuotaUsedUp => f.write_str("the caller owns as many objects as it may"),
            Self::SmoTableFull => f.write_str("the rest of the object table is promised to others"),
            Self::TaskTableFull => f.write_str("the task table is full"),
            Self::MessageTableFull => {
                f.write_str("the rest of the message table is promised to others")
            }
            Self::BadPort(raw) => write!(f, "ports are 0 to 31, not {raw}"),
            Self::PortClosed(port) => write!(f, "port {port} is closed"),
            Self::PortOpen(port) => write!(f, "port {port} is open already"),
            Self::PortFull(port) => write!(f, "port {port} takes no more from this sender now"),
            Self::NoMessage(port) => write!(f, "no message on port {port}"),
            Self::NotAttached => f.write_str("the task is not attached to a pool of pages"),
            Self::BadCommand(raw) => write!(
                f,
                "{raw} is neither MEMC_NOWRITE 1, MEMC_OKWRITE 2 nor MEMC_GIVE 3"
            ),
            Self::BadFlags(raw) => write!(f, "the flags {raw:#x} are neither 0 nor 0x100 + a byte"),
            Self::TargetEnding => f.write_str("the task that it is about is ending"),
            Self::OutOfPool => f.write_str("the range does not lie in the pool"),
            Self::NotPageOwner(page) => write!(f, "the caller does not own page {page}"),
            Self::PageFrozen(page) => write!(f, "page {page} is frozen; thaw it first"),
            Self::PageWritable(page) => write!(f, "somebody may write page {page}"),
            Self::ForbiddenStore(page) => write!(f, "the task may not write page {page}"),
            Self::PageQuotaUsedUp => f.write_str("the task owns as many pages as it may"),
            Self::PagesReserved => f.write_str("the pages left are promised to other tasks"),
            Self::NoFreePages => f.write_str("not so many pages are free in one piece"),
            Self::HoldingTableFull => {
                f.write_str("the rest of the table of rights is promised to other pages")
            }
            Self::NoMapping => f.write_str("the machine can not map any more"),
            Self::OwnerMayNotWrite(smo) => write!(f, "the owner of {smo:?} may not write there"),
            Self::CallerMayNotWrite => f.write_str("the caller may not write there"),
        }
    }
}

impl core::error::Error for Denied {}

/// Whose memory was not there when a chunk was to be moved. Nothing of it moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopyFault {
    /// The owner's.
    Owner,
    /// The caller's.
    Caller,
}

/// The task's memory is not there, or may not be touched. Nothing moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unmapped;

/// The machine can not let these stores through: it has no mapping left.
/// Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMapping;

/// [`Limits`](crate::Limits) with which a kernel could not keep its promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadLimits {
    /// Not 1 to 65,536 tasks.
    Tasks,
    /// Fewer objects than 8 for each task, or more than 1,048,576.
    Smos,
    /// Fewer message places than 8 for each task, or more than 1,048,576.
    Messages,
    /// Not 1 to 1,024 processors.
    Processors,
    /// A pool that does not lie in pages below 4 GiB.
    Pool,
}

impl fmt::Display for BadLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tasks => "`tasks` must be 1 to 65536 (the host is one)",
            Self::Smos => "`smos` must be at least 8 for each task, and at most 1048576",
            Self::Messages => "`messages` must be at least 8 for each task, and at most 1048576",
            Self::Processors => "`processors` must be 1 to 1024",
            Self::Pool => {
                "`pool` must begin at a page and end below 4 GiB; pages have 64 to 65536 bytes, a power of two"
            }
        })
    }
}

impl core::error::Error for BadLimits {}
