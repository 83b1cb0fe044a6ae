//! Stores to the pool that the memory protection has stopped: may they be
//! executed again, or do they end the task, and with what sentence?

use std::sync::{Arc, OnceLock};

use usufruct_core::{ForbiddenStore, touch};
use wasmtime::Store;

use crate::layout::POOL_START;
use crate::machine::Border;
use crate::pool::{Verdict, View, judge_stores};
use crate::state::Guest;

/// The store that has ended a task, if one has.
pub(crate) type Noted = Arc<OnceLock<ForbiddenStore>>;

/// Has the stopped stores of this Store's guest judged by core.
pub(crate) fn judge(store: &mut Store<Guest>, view: &View) {
    let guest = store.data();
    let (shared, noted) = (guest.shared.clone(), guest.forbidden.clone());
    let (task, key) = (guest.thread.task(), guest.thread.key());
    judge_stores(store, view.window(), move |offset| {
        let address = POOL_START + offset as u64;
        let border = Border {
            shared: &shared,
            caller: None,
            restores: true,
        };
        let Err(denied) = touch(&border, key, address) else {
            return Verdict::Retry;
        };
        // The first counts; there is no second.
        let who = (task, task.into());
        let _ = noted.set(shared.kernel().forbidden_store(who, address, denied));
        Verdict::Forbidden
    });
}
