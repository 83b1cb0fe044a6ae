;; Takes the right to store to pages away while it sees a copy in the middle of
;; them, and looks whether bytes still arrive. Again and again.
;;
;; Standard input (i32 each): how many counted revocations, whether to stop at a
;; late byte, whose right: 0 this task's own, which owns the pages and lends them
;; to the copier; 1 the copier's, which copies this task's private memory there.
;; Standard output, now and then: counted revocations, all of them, late samples
;; (three i64).
(module
  (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
  (import "usufruct" "get_current_task" (func $self (result i32)))
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  (data (i32.const 0) "copier")
  ;; 16 words asked for, 32 a message, 64 the streams' vector, 128 the counters,
  ;; 1024 the samples, 0x20000 the bytes that the copier reads.

  (func $report
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 24))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72))))

  (func $count (param $counter i32) (param $more i32)
    (i64.store (local.get $counter)
      (i64.add (i64.load (local.get $counter)) (i64.extend_i32_u (local.get $more)))))

  ;; Of 16 words, one in each 4 KiB, how many are not as they were at the last look.
  (func $changed (result i32) (local $at i32) (local $sample i32) (local $word i32) (local $sum i32)
    (local.set $at (i32.const 0x80000ffc))
    (local.set $sample (i32.const 1024))
    (loop $next
      (local.set $word (i32.atomic.load (local.get $at)))
      (local.set $sum (i32.add (local.get $sum)
        (i32.ne (local.get $word) (i32.load (local.get $sample)))))
      (i32.store (local.get $sample) (local.get $word))
      (local.set $sample (i32.add (local.get $sample) (i32.const 4)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 0x80010000))))
    (local.get $sum))

  ;; A few microseconds.
  (func $pause (local $times i32)
    (local.set $times (i32.const 4000))
    (loop $next (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))

  (func $rights (param $command i32) (param $loser i32)
    (if (call $control (i32.const 0x80000000) (i32.const 0x10000) (local.get $command) (local.get $loser))
      (then unreachable)))

  ;; 1 if the first word has changed and the last is not the same: a copy is running.
  (func $await_copy (param $before i32) (result i32) (local $looks i32) (local $first i32)
    (local.set $looks (i32.const 20000))
    (loop $look
      (br_if $look (i32.and
        (i32.eq (local.tee $first (i32.atomic.load (i32.const 0x80000000))) (local.get $before))
        (i32.ne (local.tee $looks (i32.sub (local.get $looks) (i32.const 1))) (i32.const 0)))))
    (i32.and (i32.ne (local.get $looks) (i32.const 0))
      (i32.ne (i32.atomic.load (i32.const 0x8000fffc)) (local.get $first))))

  (func $round (param $loser i32) (local $before i32) (local $runs i32)
    (local.set $before (i32.atomic.load (i32.const 0x80000000)))
    (if (i32.load (i32.const 24))
      (then (memory.fill (i32.const 0x20000)
        (i32.add (i32.and (local.get $before) (i32.const 0xff)) (i32.const 1)) (i32.const 0x10000))))
    (call $rights (i32.const 2) (local.get $loser))
    (local.set $runs (call $await_copy (local.get $before)))
    (call $rights (i32.const 1) (local.get $loser))
    (drop (call $changed))
    (call $pause)
    (call $count (i32.const 128) (local.get $runs))
    (call $count (i32.const 136) (i32.const 1))
    (call $count (i32.const 144) (call $changed)))

  (func (export "_start") (local $copier i32) (local $loser i32)
    (i32.store (i32.const 64) (i32.const 16))
    (i32.store (i32.const 68) (i32.const 12))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (if (i32.ne (i32.const 0x80000000) (call $alloc (i32.const 0x10000) (i32.const 0x100))) (then unreachable))
    (local.set $copier (call $find (i32.const 0) (i32.const 6)))
    (local.set $loser (select (local.get $copier) (call $self) (i32.load (i32.const 24))))
    (call $rights (i32.const 1) (local.get $loser))
    (i32.store (i32.const 32) (if (result i32) (i32.load (i32.const 24))
      (then (call $share (local.get $copier) (i32.const 0x20000) (i32.const 0x10000) (i32.const 2)))
      (else (call $share (local.get $copier) (i32.const 0x80000000) (i32.const 0x10000) (i32.const 4)))))
    (i32.store (i32.const 36) (i32.load (i32.const 24)))
    (loop $again (br_if $again (call $send (local.get $copier) (i32.const 0) (i32.const 32))))
    (loop $next
      (call $round (local.get $loser))
      (if (i64.eqz (i64.and (i64.load (i32.const 136)) (i64.const 0x3fff))) (then (call $report)))
      (if (i32.and (i32.load (i32.const 20)) (i64.ne (i64.load (i32.const 144)) (i64.const 0)))
        (then (call $report) (return)))
      (br_if $next (i64.lt_u (i64.load (i32.const 128)) (i64.load32_u (i32.const 16)))))
    (call $report)))
