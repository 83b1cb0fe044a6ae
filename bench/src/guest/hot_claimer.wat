;; Lends 64 bytes for writing, waits until it has seen the target's copies some
;; times, claims, clears them, and looks whether any are written again. Again and again.
;;
;; Standard input: how many counted claims, and whether to stop at a late byte
;; (two i32). Standard output, now and then: counted claims, all claims, late
;; samples (three i64).
(module
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "claim_mem" (func $claim (param i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  (data (i32.const 0) "copier")
  ;; 16 words asked for, 64 the streams' vector, 128 the counters, 4096 the id
  ;; that the target reads, 0x20000 the bytes that are lent.

  (func $report
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 24))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72))))

  (func $count (param $counter i32) (param $more i32)
    (i64.store (local.get $counter)
      (i64.add (i64.load (local.get $counter)) (i64.extend_i32_u (local.get $more)))))

  ;; How many of the 16 words are not zero.
  (func $written (result i32) (local $at i32) (local $sum i32)
    (local.set $at (i32.const 0x20000))
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.ne (i32.atomic.load (local.get $at)) (i32.const 0))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 0x20040))))
    (local.get $sum))

  (func $clear (local $at i32)
    (local.set $at (i32.const 0x20000))
    (loop $next
      (i32.atomic.store (local.get $at) (i32.const 0))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 0x20040)))))

  ;; About a microsecond.
  (func $pause (local $times i32)
    (local.set $times (i32.const 1000))
    (loop $next (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))

  ;; 1 if the words are written again each time that they are cleared: the copies
  ;; are at it, and are light by now.
  (func $await_copies (result i32) (local $looks i32) (local $times i32)
    (local.set $looks (i32.const 20000))
    (local.set $times (i32.const 6))
    (loop $clear_again
      (call $clear)
      (loop $look
        (br_if $look (i32.and
          (i32.eqz (i32.atomic.load (i32.const 0x2003c)))
          (i32.ne (local.tee $looks (i32.sub (local.get $looks) (i32.const 1))) (i32.const 0)))))
      (br_if $clear_again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (i32.gt_s (local.get $looks) (i32.const 0)))

  (func $round (param $target i32) (local $id i32) (local $runs i32)
    (local.set $id (call $share (local.get $target) (i32.const 0x20000) (i32.const 64) (i32.const 4)))
    (i32.atomic.store (i32.const 4096) (local.get $id))
    (local.set $runs (call $await_copies))
    (if (call $claim (local.get $id)) (then unreachable))
    (call $clear)
    (call $pause)
    (call $count (i32.const 128) (local.get $runs))
    (call $count (i32.const 136) (i32.const 1))
    (call $count (i32.const 144) (call $written)))

  (func (export "_start") (local $target i32)
    (i32.store (i32.const 64) (i32.const 16))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (local.set $target (call $find (i32.const 0) (i32.const 6)))
    (i32.store (i32.const 32) (call $share (local.get $target) (i32.const 4096) (i32.const 4) (i32.const 2)))
    (loop $again (br_if $again (call $send (local.get $target) (i32.const 0) (i32.const 32))))
    (loop $next
      (call $round (local.get $target))
      (if (i64.eqz (i64.and (i64.load (i32.const 136)) (i64.const 0x3fff))) (then (call $report)))
      (if (i32.and (i32.load (i32.const 20)) (i64.ne (i64.load (i32.const 144)) (i64.const 0)))
        (then (call $report) (return)))
      (br_if $next (i64.lt_u (i64.load (i32.const 128)) (i64.load32_u (i32.const 16)))))
    (call $report)))
