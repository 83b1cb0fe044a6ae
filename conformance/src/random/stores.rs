//! Stores of the probes to the pool, and what everybody sees there.

use super::coverage::Coverage;
use super::diary::Deed;
use super::meddle::Meddler;
use super::pages::PageStore;
use super::player::{Actor, Doing, Player, TROUBLES_OF_AN_END};
use super::resolve::View;
use super::step::Draw;
use crate::model::{Place, Stretch};
use crate::rig::Rig;
use usufruct_abi::{ENDED_FORBIDDEN_STORE, Number};
use usufruct_probe_core::{Command, DATA_BYTES, Operation};

impl<R: Rig, M: Meddler<R>> Player<R, M> {
    /// A task stores to the pool; where it may not, it ends.
    pub(super) fn store_page(
        &mut self,
        who: Draw,
        store: PageStore,
        trouble: Option<Draw>,
        coverage: &mut Coverage,
    ) {
        let Some(index) = self.idle(who) else {
            return;
        };
        let Actor { task, id, .. } = self.actors[index];
        let bytes = if store.is_word {
            vec![store.byte; 8]
        } else {
            let following = std::iter::successors(Some(store.byte), |byte| Some(byte ^ 0x5a));
            following.take(store.bytes.into()).collect()
        };
        let (arena, end) = (self.world.at(task, 0), self.world.end(task));
        let view = View {
            model: &self.model,
            caller: id,
            arena,
            end,
            name_at: arena,
        };
        let (Place::Pool(offset), address) = view.place(store.at, bytes.len()) else {
            return;
        };
        let pages = self.model.pool.pages_of(&(offset..offset + bytes.len()));
        if !self.model.is_attached(id) || !self.model.is_settled(pages.clone()) {
            return;
        }
        let lands = self.landing(id, offset, bytes.len(), store.is_word);
        // Of a word that is refused, it is the machine's which of its pages it looks at first.
        let is_certain = self.model.is_pool_certain() && !(store.is_word && lands == 0);
        if !is_certain && self.model.asks_for_records(id, pages) {
            return;
        }
        let is_allowed = lands == bytes.len();
        let trouble = self.one_of(TROUBLES_OF_AN_END, trouble.filter(|_| !is_allowed));
        self.diary.note(Deed::StoresToPage {
            id,
            offset,
            bytes: bytes.len(),
            lands,
        });
        self.make_trouble(trouble);
        self.post_store(index, address, &bytes, store.is_word);
        coverage.stores[usize::from(!is_allowed)] += 1;
        let stretch = Stretch {
            in_pool: true,
            range: offset..offset + lands,
        };
        self.model.take_up(id, &stretch);
        self.model.store(id, &stretch, &bytes[..lands]);
        if is_allowed {
            self.world.reply(task);
        } else {
            self.faults(index, trouble, coverage);
        }
    }

    fn post_store(&mut self, index: usize, address: i64, bytes: &[u8], is_word: bool) {
        let mut word = [0; 8];
        let (operation, data) = if is_word {
            word.copy_from_slice(bytes);
            (Operation::StoreWord, &[][..])
        } else {
            (Operation::Store, bytes)
        };
        let words = [address.cast_unsigned(), u64::from_le_bytes(word), 0, 0];
        let command = Command {
            operation,
            number: 0,
            words,
            data,
        };
        self.world.post(self.actors[index].task, command);
    }

    /// An actor has stored where it may not.
    fn faults(&mut self, index: usize, trouble: Option<super::Trouble>, coverage: &mut Coverage) {
        let id = self.actors[index].id;
        self.world.give_up(self.actors[index].task);
        self.ends(index, trouble, coverage);
        let reason = self.model.dead.iter().find(|(dead, _)| *dead == id);
        if let Some((_, [_, _, reason, _])) = reason {
            assert_eq!(*reason, ENDED_FORBIDDEN_STORE, "the end of task {id}");
        }
    }

    /// How many bytes of a store land: a word whole or not at all, else up to the first page
    /// that may not be written.
    fn landing(&self, id: i32, offset: usize, bytes: usize, is_word: bool) -> usize {
        let may_store = |size: usize| {
            let stretch = Stretch {
                in_pool: true,
                range: offset..offset + size,
            };
            self.model.may_store(id, &stretch)
        };
        if is_word {
            return if may_store(bytes) { bytes } else { 0 };
        }
        (0..=bytes).rev().find(|size| may_store(*size)).unwrap_or(0)
    }

    /// Owners and writers of pages, where the kernel can be asked: a record that only one of the two
    /// knows of would show much later, when the table is full.
    pub(super) fn compare_page_books(&self) {
        if !self.model.is_pool_certain() {
            return;
        }
        for (number, page) in (0..).zip(&self.model.pool.pages) {
            if let Some(known) = M::page_status(&self.world.rig, number) {
                let writers = page.writers.union(&page.taken).copied().collect();
                assert_eq!(known, (page.owner, writers), "the books of page {number}");
            }
        }
    }

    /// Every byte of the pool, as one of those sees it who are attached. Not while a page or a
    /// message is in the middle of a change: its bytes may still have to come.
    pub(super) fn compare_pool(&mut self) {
        let lands_later = |actor: &Actor| matches!(actor.doing, Doing::Held(Number::GetMsg, _));
        if !self.model.is_pool_settled() || self.actors.iter().any(lands_later) {
            return;
        }
        let mut witnesses = self.living();
        witnesses.retain(|index| {
            let Actor { id, doing, .. } = self.actors[*index];
            doing == Doing::Nothing && self.model.is_attached(id)
        });
        let Some(witness) = witnesses.first() else {
            return;
        };
        let task = self.actors[*witness].task;
        let start = i64::from(self.model.pool.start);
        let known = &self.model.pool.bytes;
        for (chunk, known) in known.chunks(DATA_BYTES).enumerate() {
            let offset = chunk * DATA_BYTES;
            let address = start + i64::try_from(offset).expect("a small pool");
            let seen = self.world.load(task, address, known.len() as u64);
            let wrong = seen
                .iter()
                .zip(known)
                .position(|(seen, known)| seen != known);
            let byte = wrong.map(|at| (offset + at, seen[at], known[at]));
            assert_eq!(byte, None, "offset, byte and the model's byte, in the pool");
        }
    }
}
