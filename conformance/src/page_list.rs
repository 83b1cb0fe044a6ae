//! The scripts about pages; the rest of `list.rs`.

/// Hands the list of one part to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! page_scripts {
    (alloc $then:ident $($context:tt)*) => {
        $crate::$then! { alloc [$($context)*]
            a_block_is_whole_pages_of_its_caller: "3: AllocMemBlocks rounds the size up to pages. Portfolio: When a task allocates memory, it becomes the owner of that memory.";
            a_block_says_how_large_it_is: "3: The block's first int32 holds the bytes actually given.";
            a_block_is_filled_on_request: "3: Unless `flags` asks for a fill (0x100 with the fill byte in the low 8 bits).";
            sizes_and_flags_that_are_none_get_nothing: "3: 0 is the only other value. Size < 1, unknown flags: NULL.";
            the_whole_pool_can_be_one_block: "3: Not enough memory: NULL. 7: The system keeps no page of it for itself.";
            a_block_is_one_piece: "3: `void *AllocMemBlocks(int32 size, uint32 flags)`: pages, or NULL.";
            a_task_owns_as_many_pages_as_its_quota: "3: Each task has a quota of owned pool pages. AllocMemBlocks over the quota: NULL.";
            a_reserve_is_kept_from_others: "3: And may be promised a reserve that others can not take.";
            what_an_owner_left_is_never_seen: "3: Pages are zeroed before they become free: what an owner left is never seen by anybody after the freeing call returned.";
            page_size_is_what_the_kernel_says: "3: A page is what GetPageSize(0) says; programs must ask (0 for unknown flags).";
        }
    };
    (control $then:ident $($context:tt)*) => {
        $crate::$then! { control [$($context)*]
            commands_are_three: "3: `cmd` is one of the three, else ER_Kr_BadMemCmd. 8: cmd 0, 4, 99, -1, also with size 0: ER_Kr_BadMemCmd.";
            task_is_0_or_a_live_task: "3: `task` is 0 or a live task, else BADITEM. 8: a stale or made-up item: BADITEM, also with size 0.";
            a_threads_id_means_its_task_in_page_calls: "3: (or a thread of one, meaning its task).";
            no_size_changes_nothing: "3: `size <= 0` returns 0 and changes nothing.";
            range_lies_in_the_pool: "3: The range lies in the pool and does not wrap, else ER_BadPtr. A range that ends exactly at the pool's end is inside.";
            every_page_touched_is_meant_and_no_other: "3: The call acts on every page they touch. 8: p = P+100, size 8: all of P, only P; p = P+PG-1, size 2: both pages.";
            the_caller_owns_every_page: "3: The caller owns every page, else ER_BadPtr. All pages are checked before any is changed. 8: A owns three pages but the middle one: ER_BadPtr, none changed.";
            checks_of_control_come_in_order: "3: Order of checks.";
            page_calls_leave_last_error: "2: Every call of sections 1, 2 and 6 sets last_error; section 3 leaves it.";
            a_task_that_is_not_attached_has_no_pool: "3: For a task that is not attached the pool's addresses are not mapped, the calls of this section answer ER_BadPtr, NULL or 0, and as `task` it is BADITEM.";
        }
    };
    (grant $then:ident $($context:tt)*) => {
        $crate::$then! { grant [$($context)*]
            an_owner_grants_write_to_a_task: "3: MEMC_OKWRITE: T may write, besides all who already may.";
            any_number_of_tasks_may_write_a_page: "Portfolio: A task can grant write permission for a page that it owns to any number of tasks.";
            an_owner_revokes_what_it_granted: "3: MEMC_NOWRITE: T may not write any more.";
            an_owner_protects_its_own_pages: "3: T = caller and owner: write-protects itself. Owning and writing are independent: an owner may lack write.";
            a_task_relinquishes_what_it_does_not_own: "3: T = caller, not owner: relinquishes, 0 even if it had nothing. One exception: MEMC_NOWRITE naming the caller itself needs no ownership. 8: B: NOWRITE B: 0, B may not write.";
            only_the_owner_grants_gives_and_revokes: "8: B may write P, does not own it: OKWRITE C, GIVE C, NOWRITE A, NOWRITE 0: ER_BadPtr each, nothing changes.";
            nowrite_0_takes_everybodys_write: "3: MEMC_NOWRITE, task = 0: nobody may write, the caller and owner included; it restores itself with OKWRITE on itself.";
            okwrite_0_lets_everybody_write: "3: MEMC_OKWRITE, task = 0: every task attached to the pool may write, also those that start later, until NOWRITE 0.";
            a_grant_to_everybody_ends_when_the_page_changes_hands: "3: Or until the page changes hands. MEMC_GIVE: other writers that were granted by name keep it; a grant to everybody ends.";
            nowrite_outlasts_a_grant_to_everybody: "3: NOWRITE T still takes T's right; T stays refused until T or everybody is granted again.";
            no_store_lands_after_a_revocation: "3: When a call that takes write away returns, no store of the losing task lands any more, on any processor.";
        }
    };
    (give $then:ident $($context:tt)*) => {
        $crate::$then! { give [$($context)*]
            the_new_owner_owns_and_may_write: "3: MEMC_GIVE: T owns the pages and may write.";
            the_giver_keeps_write_and_nothing_else: "8: A owns P, gives it to B: A stores to P: lands: the giver keeps write; then A: NOWRITE B: ER_BadPtr: not the owner any more.";
            other_writers_keep_write: "3: Other writers that were granted by name keep it.";
            a_giver_without_write_gets_none: "3: The giver keeps write. Owning and writing are independent.";
            giving_to_oneself_restores_write: "3: T = caller: stays owner, write restored.";
            pages_given_to_0_are_free: "3: MEMC_GIVE, task = 0: pages go to the free pool: no owner, no writers.";
            giving_over_the_quota_changes_nothing: "3: GIVE to a task over its quota: NOMEM, nothing changed.";
            taking_delivery_fences_the_giver_off: "4: As the new owner, NOWRITE 0, then OKWRITE on itself. When the first returns, nobody else can change the pages.";
            no_store_of_the_giver_lands_after_the_fence: "4: When the first returns, nobody else can change the pages.";
        }
    };
    (fault $then:ident $($context:tt)*) => {
        $crate::$then! { fault [$($context)*]
            a_store_without_permission_ends_the_task: "3: A store without permission faults at that store; the task is ended.";
            everybody_may_read_every_page: "3: Every task attached to the pool may read every page.";
            a_store_over_the_edge_writes_nothing: "3: That store writes nothing.";
            nobody_else_notices_a_forbidden_store: "3: Nobody else notices.";
            one_life_after_the_other_may_fault: "1: Its own pages lose all writers and go to the free pool.";
            a_forbidden_store_has_a_reason_of_its_own: "1: The reason is ENDED_FORBIDDEN_STORE 3 (section 3).";
        }
    };
    (question $then:ident $($context:tt)*) => {
        $crate::$then! { question [$($context)*]
            size_0_is_readable_only: "3: `IsMem*` with size 0: readable 1, writable 0, owned 0; negative size: 0.";
            a_range_that_wraps_is_nothing: "3: A wrapping range: 0.";
            private_memory_is_its_tasks: "3: Private memory counts as readable, writable and owned by its task.";
            every_page_of_a_range_must_qualify: "3: Of a range, all of it must qualify.";
            avail_mem_counts_what_is_free: "3: `MemInfo` is four uint32, in bytes: SysFree, SysLargest.";
            avail_mem_counts_what_a_task_can_get: "3: TaskFree, TaskLargest.";
            avail_mem_with_flags_stores_nothing: "3: Flags must be 0, else nothing happens.";
        }
    };
    (page_end $then:ident $($context:tt)*) => {
        $crate::$then! { page_end [$($context)*]
            pages_of_the_dead_are_free: "1: Its own pages lose all writers and go to the free pool. 8: A dies owning P that B could write: B stores to P: faults; P is free.";
            grants_of_the_dead_vanish: "1: Its grants on other tasks' pages vanish.";
            newcomer_inherits_no_page: "1: It names one life of one task.";
            newcomer_inherits_no_refusal: "3: Every task attached to the pool may write, also those that start later.";
            pages_given_away_stay: "1: Pages it gave away stay with their new owner.";
            the_dead_are_given_nothing: "3: `task` is 0 or a live task, else BADITEM.";
        }
    };
    (page_smo $then:ident $($context:tt)*) => {
        $crate::$then! { page_smo [$($context)*]
            copies_over_pages_are_exact: "2: Overlap behaves as if through a buffer. 4: An SMO over pool pages.";
            a_write_needs_that_the_owner_may_write: "4: A `write_mem` needs, at the moment of the copy, that the owner of the SMO may write every page it touches, else NO_PERMISSION.";
            a_write_needs_every_page_it_touches: "4: Every page it touches. 2: A refused call has changed no byte. A size of 0 touches no page.";
            a_read_into_pages_needs_that_the_caller_may_write: "4: `read_mem` into pool pages needs that the caller may write them.";
            sharing_others_pages_gives_nothing_away: "2: A task may share pool pages that it does not own; section 4 keeps that harmless.";
            losing_write_ends_what_an_object_could_do: "4: So losing write (NOWRITE, GIVE 0, death) also ends what an SMO could do there.";
            a_stranger_to_the_pool_copies_nothing_there: "3: For a task that is not attached the pool's addresses are not mapped.";
            a_buffer_ends_with_the_pool: "2: The whole of `dest` or `src` must lie in the caller's address space.";
            pages_are_the_last_check_of_a_copy: "2: Order of checks: bounds, caller's memory, owner's memory, section 4.";
            no_byte_is_written_after_the_owner_lost_write: "4: With the same barrier.";
            no_byte_is_read_into_a_page_after_its_revocation: "4: With the same barrier.";
            no_byte_lands_in_a_free_page: "3: What an owner left is never seen by anybody after the freeing call returned. 4: With the same barrier.";
        }
    };
    (page_message $then:ident $($context:tt)*) => {
        $crate::$then! { page_message [$($context)*]
            a_message_is_sent_from_any_page: "3: Every task attached to the pool may read every page.";
            a_message_arrives_in_a_page: "4: Its private memory, or pool pages it may write.";
            a_message_for_a_forbidden_page_stays: "4: Whatever the kernel stores for a task it may store only where that task may store; else -1 with INVALID_PTR, and nothing is consumed.";
            a_name_is_read_from_any_page: "3: Every task attached to the pool may read every page.";
            avail_mem_stores_where_the_caller_may: "4: Whatever the kernel stores for a task (messages, senders, results) it may store only where that task may store.";
        }
    };
    (page_table $then:ident $($context:tt)*) => {
        $crate::$then! { page_table [$($context)*]
            every_page_is_sure_of_two_tasks: "3: NOMEM too when the grant table can not hold a new right.";
            a_grant_that_does_not_fit_changes_nothing: "3: NOMEM too when the machine or the grant table can not hold a new right; nothing changed.";
            taking_never_fails: "3: A call that takes rights away (NOWRITE, GIVE 0, death) never fails for want of anything.";
            a_refusal_that_does_not_fit_ends_the_grant_to_everybody: "3: When the table can not hold that refusal, the grant to everybody ends instead: taking never fails.";
            what_was_taken_up_without_a_record_can_be_revoked: "3: NOWRITE T still takes T's right.";
            behind_a_store_without_a_record_nobody_gets_one: "3: When there is none left, the store lands all the same, and nobody gets one for that page from then on, until the grant ends.";
        }
    };
}
