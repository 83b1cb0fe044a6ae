//! Every script, and the sentence of `docs/calls.md` that it holds: its section, then its words.

/// One entry of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// The module that it stands in.
    pub part: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The section of `docs/calls.md`, a colon, and the sentence.
    pub sentence: &'static str,
}

/// Makes the tests of a machine out of the scripts: `suite!(MyRig);` for all of them, or
/// `suite!(MyRig; share, claim);` for those of some parts. `smo` stands for all parts that need
/// neither messages nor time, `page` for those that need a pool.
#[macro_export]
macro_rules! suite {
    ($rig:ty) => {
        $crate::suite!($rig; smo, task, port, wait, watch);
        $crate::suite!($rig; page);
    };
    ($rig:ty; smo $(, $rest:ident)*) => {
        $crate::suite!($rig; share, claim, pass, copy, id, quota, last_error, death, barrier $(, $rest)*);
    };
    ($rig:ty; page) => {
        $crate::scripts!(alloc each_page_test $rig);
        $crate::scripts!(control each_page_test $rig);
        $crate::scripts!(grant each_page_test $rig);
        $crate::scripts!(give each_page_test $rig);
        $crate::scripts!(fault each_page_test $rig);
        $crate::scripts!(question each_page_test $rig);
        $crate::scripts!(page_end each_page_test $rig);
        $crate::scripts!(page_smo each_page_test $rig);
        $crate::scripts!(page_message each_page_test $rig);
        $crate::scripts!(page_table each_page_test $rig);
    };
    ($rig:ty; $($part:ident),+) => {
        $($crate::scripts!($part each_test $rig);)+
    };
}

/// One `#[test]` for each script of a part.
#[doc(hidden)]
#[macro_export]
macro_rules! each_test {
    ($part:ident [$rig:ty] $($name:ident: $sentence:literal;)*) => {
        mod $part {
            use super::*;
            $(
                #[doc = $sentence]
                #[test]
                fn $name() {
                    $crate::perform::<$rig>($crate::$part::$name);
                }
            )*
        }
    };
}

/// The same for a part that needs a pool.
#[doc(hidden)]
#[macro_export]
macro_rules! each_page_test {
    ($part:ident [$rig:ty] $($name:ident: $sentence:literal;)*) => {
        mod $part {
            use super::*;
            $(
                #[doc = $sentence]
                #[test]
                fn $name() {
                    let name = concat!(stringify!($part), "::", stringify!($name));
                    $crate::perform_on_pages::<$rig>(name, $crate::$part::$name);
                }
            )*
        }
    };
}

/// One [`Script`] for each script of a part.
#[doc(hidden)]
#[macro_export]
macro_rules! each_entry {
    ($part:ident [] $($name:ident: $sentence:literal;)*) => {
        &[$(Script { part: stringify!($part), name: stringify!($name), sentence: $sentence },)*]
    };
}

/// Every script there is, part by part.
pub const SCRIPTS: &[&[Script]] = &[
    crate::scripts!(share each_entry),
    crate::scripts!(claim each_entry),
    crate::scripts!(pass each_entry),
    crate::scripts!(copy each_entry),
    crate::scripts!(id each_entry),
    crate::scripts!(quota each_entry),
    crate::scripts!(last_error each_entry),
    crate::scripts!(death each_entry),
    crate::scripts!(barrier each_entry),
    crate::scripts!(task each_entry),
    crate::scripts!(port each_entry),
    crate::scripts!(wait each_entry),
    crate::scripts!(watch each_entry),
    crate::scripts!(alloc each_entry),
    crate::scripts!(control each_entry),
    crate::scripts!(grant each_entry),
    crate::scripts!(give each_entry),
    crate::scripts!(fault each_entry),
    crate::scripts!(question each_entry),
    crate::scripts!(page_end each_entry),
    crate::scripts!(page_smo each_entry),
    crate::scripts!(page_message each_entry),
    crate::scripts!(page_table each_entry),
];

/// Hands the list of one part to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! scripts {
    (share $then:ident $($context:tt)*) => {
        $crate::$then! { share [$($context)*]
            perms_are_read_write_or_both: "2: `perms` is READ 2, WRITE 4 or both 6; anything else is refused.";
            size_is_one_or_more: "2: `size` must be 1 or more.";
            whole_range_lies_in_the_callers_memory: "2: The whole range must lie in the caller's address space.";
            target_may_be_the_caller: "2: The target may be any live task, the caller included; then the owner reads and writes through its own SMO like any other target.";
            target_is_alive: "2: SERR_INVALID_TSK: no such live task.";
            each_access_looks_at_the_owners_memory_as_it_is_then: "2: Nothing is copied or pinned when it is made: each access looks at the owner's memory as it is then. 8: A shares, A changes the bytes: B reads the new bytes.";
            one_range_makes_many_objects: "2: An SMO is (owner, range of the owner's address space, permissions, target).";
            ints_are_the_low_half_of_a_word: "0: `int` is 32-bit signed on every machine.";
        }
    };
    (claim $then:ident $($context:tt)*) => {
        $crate::$then! { claim [$($context)*]
            only_the_owner_claims: "2: Only the owner claims. Anyone else gets -1 and the SMO works on.";
            claimed_object_is_gone: "8: A claims: B reads: -1 INVALID_SMO.";
            claim_leaves_other_objects_alone: "2: An id names one object.";
            owner_claims_a_passed_object: "8: B passes to C: A may still claim.";
            checks_of_claim_come_in_order: "2: Order of checks: id well formed, id alive, caller's role.";
        }
    };
    (pass $then:ident $($context:tt)*) => {
        $crate::$then! { pass [$($context)*]
            pass_changes_the_target_and_nothing_else: "2: `pass_mem` changes the target and nothing else: same range, same permissions.";
            passer_loses_access: "2: The passer loses access when the call returns. 8: B passes to C: C works, B gets NOT_SMO_TARGET.";
            only_the_target_passes: "2: Only the target passes. Anyone else gets -1 and the SMO works on.";
            passing_to_oneself_succeeds: "2: Passing to oneself succeeds.";
            passing_back_to_the_owner_succeeds: "2: Passing back to the owner succeeds.";
            passing_to_nobody_leaves_the_target: "2: A task that is not alive is refused and the target stays.";
            one_target_at_a_time: "2: Only the target reads.";
            checks_of_pass_come_in_order: "2: Order of checks: id well formed, id alive, caller's role; then the heir.";
        }
    };
    (copy $then:ident $($context:tt)*) => {
        $crate::$then! { copy [$($context)*]
            read_copies_exactly_the_bytes_asked_for: "8: A shares 100 bytes READ with B: B read(0, 100): 0, equal bytes.";
            write_copies_exactly_the_bytes_asked_for: "Sartoris: copies `size` bytes from address `src` to offset `off` of the SMO.";
            copies_of_every_size_are_exact: "Sartoris: copies the `size` bytes at offset `off` of the SMO to the address `dest`.";
            read_needs_read_and_write_needs_write: "2: WRITE does not imply READ. 8: A shares READ: B write: NO_PERMISSION, A unchanged; A shares WRITE: B read: NO_PERMISSION.";
            only_the_target_reads_writes_and_asks_the_size: "2: Only the target passes, reads, writes or asks the size. 8: C reads, writes, asks size: NOT_SMO_TARGET.";
            offset_and_size_stay_inside_the_object: "2: `off >= 0`, `size >= 0`, `off <= len` and `size <= len - off`; sums never wrap. 8: 100 bytes: the rows of offsets and sizes.";
            size_zero_inside_the_object_succeeds: "2: Size 0 inside the object succeeds. 8: off 100 size 0: 0; off 101 size 0: -1.";
            size_zero_needs_its_first_address: "2: (for size 0: its first address).";
            whole_buffer_lies_in_the_callers_memory: "2: The whole of `dest` or `src` must lie in the caller's address space. All or nothing: a refused call has changed no byte.";
            overlap_behaves_as_if_through_a_buffer: "2: Overlap behaves as if through a buffer.";
            checks_of_a_copy_come_in_order: "2: Order of checks: id well formed, id alive, caller's role, permission, bounds, caller's memory.";
            mem_size_is_the_size_shared: "2: `mem_size`: bytes.";
        }
    };
    (id $then:ident $($context:tt)*) => {
        $crate::$then! { id [$($context)*]
            zero_and_negative_numbers_are_no_ids: "2: SERR_INVALID_ID: 0 or negative: can not be an SMO id at all.";
            positive_numbers_that_name_no_object_are_invalid: "2: SERR_INVALID_SMO: a positive number that is no live SMO, issued ever or not.";
            ids_come_back_late: "2: Ids come back late. No pattern of calls may retire slots for good or use the ids up.";
            ids_come_back_late_from_one_slot: "2: A stale SMO id is INVALID_SMO until about 2^31 more objects have been made.";
            an_id_gives_no_right: "2: An id never gives a right.";
        }
    };
    (quota $then:ident $($context:tt)*) => {
        $crate::$then! { quota [$($context)*]
            a_task_owns_as_many_objects_as_its_quota: "2: A task may own as many SMOs as its quota allows.";
            every_task_is_sure_of_its_objects: "2: Every task is sure of 8 SMOs whatever the others do.";
            a_full_table_refuses_new_objects_only: "2: Full tables and quotas give -1, at once, for the caller only.";
            checks_of_share_come_in_order: "2: For share_mem: perms, size, target, range, quota, table.";
            a_full_task_table_refuses_starts_only: "1: Slots are reused.";
        }
    };
    (last_error $then:ident $($context:tt)*) => {
        $crate::$then! { last_error [$($context)*]
            every_call_sets_last_error: "2: Every call of sections 1, 2 and 6 sets last_error, SERR_OK included.";
            last_error_leaves_itself: "2: Section 3 and last_error itself leave it.";
            last_error_is_the_callers_own: "2: The calling thread's last error.";
        }
    };
    (death $then:ident $($context:tt)*) => {
        $crate::$then! { death [$($context)*]
            an_end_has_a_status_and_a_reason: "7: The task's exit code. A trap ends the task with a failure, not the system.";
            objects_die_with_their_owner: "1: When a task ends, every SMO it owned is gone.";
            objects_outlive_their_target: "1: Every SMO it was the target of stays, with no target: only its owner can still claim it.";
            newcomer_does_not_inherit_a_dead_tasks_object: "8: A shares to B, B dies, a newcomer takes B's slot: newcomer reads: -1; A can claim.";
            newcomer_does_not_own_a_dead_tasks_object: "1: It names one life of one task.";
            id_of_a_dead_task_names_nobody: "1: A stale id names nobody.";
            an_end_disturbs_nobody_else: "1: None of this may disturb another task, whatever the dying one was doing.";
            an_end_gives_its_places_back: "1: Slots are reused oldest first.";
            a_full_table_has_room_after_its_hogs_end: "1: Every SMO it owned is gone.";
        }
    };
    (barrier $then:ident $($context:tt)*) => {
        $crate::$then! { barrier [$($context)*]
            no_byte_is_read_after_a_claim: "2: When `claim_mem` returns, no byte moves through that SMO any more, on any thread.";
            no_byte_is_written_after_a_claim: "2: A copy that was in flight either finishes before the revoking call returns, or fails with -1.";
            owner_ends_while_others_copy: "2: The same holds for the owner's death.";
            a_reused_slot_serves_its_new_object_only: "2: It can only name an object whose target the caller is anyway.";
            target_is_killed_while_it_copies: "2: Neither side's bad memory may kill, hang or stall the other.";
            a_computing_task_keeps_nobody_waiting: "1: None of this may disturb another task.";
        }
    };
    (task $then:ident $($context:tt)*) => {
        $crate::$then! { task [$($context)*]
            a_task_knows_its_id: "1: A task id is a positive 32-bit number.";
            a_threads_id_means_its_task: "2: Wherever a task is expected, a thread's id means its task.";
            names_are_short_and_unique_among_the_living: "1: Task names: 1 to 31 bytes, unique among the living. The embedding host is task `host`.";
            find_task_finds_the_living_by_their_whole_name: "6: `find_task`: the live task of that name, or -1. `find_task` of an empty or unknown name: -1 INVALID_TSK.";
            a_restarted_task_has_a_new_id: "6: (a restarted task: new id).";
            checks_of_find_come_in_order: "6: A pointer that is not the caller's to read: -1 INVALID_PTR, never a trap.";
            the_host_is_a_task: "1: The embedding host is task `host`.";
        }
    };
    (port $then:ident $($context:tt)*) => {
        $crate::$then! { port [$($context)*]
            ports_are_closed_at_first: "6: 32 ports a task, closed at first. Closing, reading or waiting on a closed one: -1 PORT_DISABLED; sending to one: the same.";
            ports_are_0_to_31: "6: Ports are 0 to 31; another number: -1 INVALID_PORT.";
            opening_an_open_port_is_refused: "6: Opening an open port: -1 PORT_DISABLED.";
            a_message_arrives_as_it_was_sent: "6: The kernel supplies the sender; it can not be forged.";
            an_id_in_a_message_confers_nothing: "6: An id in a message confers nothing by itself.";
            a_threads_id_means_its_task_here_too: "2: Wherever a task is expected, a thread's id means its task.";
            first_in_first_out: "6: First in, first out. Nothing there: NO_MSG.";
            a_message_arrives_at_its_port_only: "6: `get_msg`: -1 if empty.";
            a_port_has_room_for_two_floods: "6: A port queues up to 64; one sender may hold at most half of a port's. A full one: PORT_FULL.";
            closing_a_port_drops_its_messages: "1: Its ports close and their queued messages are dropped.";
            a_message_is_sent_from_the_callers_memory_only: "6: A pointer that is not the caller's to read: -1 INVALID_PTR, never a trap.";
            a_refused_delivery_consumes_no_message: "6: No message is consumed. 4: else -1 with INVALID_PTR, and nothing is consumed.";
            messages_go_to_the_living_only: "6: `send_msg`: -1 if no such task.";
            a_task_ends_with_its_ports: "1: Its ports close and their queued messages are dropped.";
            every_open_port_is_sure_of_its_messages: "6: Each open port is sure of 2.";
            every_task_is_sure_of_its_ports: "6: Each task is sure of 4 open ports.";
            checks_of_ports_come_in_order: "6: The order of the checks of `send_msg` and `get_msg`.";
            every_call_about_ports_sets_last_error: "2: Every call of sections 1, 2 and 6 sets last_error, SERR_OK included.";
        }
    };
    (wait $then:ident $($context:tt)*) => {
        $crate::$then! { wait [$($context)*]
            a_message_that_is_there_ends_the_wait_at_once: "6: `wait_msg` sleeps until a message is there: 0.";
            a_message_wakes_the_waiting_task: "6: `wait_msg` sleeps until a message is there: 0.";
            a_message_on_another_port_wakes_nobody: "6: `wait_msg` sleeps until a message is there.";
            timeout_0_polls: "6: -1 on timeout.";
            a_timeout_ends_the_wait: "6: -1 on timeout.";
            a_negative_timeout_never_ends_the_wait: "6: (-1: no timeout).";
            each_sleeper_is_woken_by_its_own_message: "6: `wait_msg` sleeps until a message is there.";
            a_sleeping_task_can_be_killed: "1: From the first moment of its end none of its rights or ids work.";
        }
    };
    (watch $then:ident $($context:tt)*) => {
        $crate::$then! { watch [$($context)*]
            an_end_sends_one_message: "1: When that task ends, one message arrives on the caller's port: sender 0, the words (task id, exit status, reason, 0).";
            the_message_comes_at_once_for_a_dead_task: "1: Comes at once for a task that is already dead.";
            the_message_comes_for_a_forgotten_task_too: "1: Comes at once for a task that is already dead.";
            the_message_is_never_lost_to_a_full_queue: "1: It is never lost to a full queue.";
            every_watcher_hears_of_the_end: "1: One message arrives on the caller's port.";
            watchers_hear_when_all_is_cleared_up: "1: Those who watch it hear of it when it is done.";
            a_number_never_issued_can_not_be_watched: "2: SERR_INVALID_TSK: no such task.";
            checks_of_watch_come_in_order: "1: The order of the checks of `watch_task`.";
            watches_are_limited_by_the_message_places: "6: Places come from one table sized when the kernel is made.";
        }
    };
    ($part:ident $then:ident $($context:tt)*) => {
        $crate::page_scripts! { $part $then $($context)* }
    };
}
