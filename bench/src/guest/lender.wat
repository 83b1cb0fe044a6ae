;; Times share_mem and claim_mem by batches, and a call that only asks. Standard
;; input (i32 each): objects of a batch, at most 512; batches; whether the target
;; copies 64 B for ever meanwhile (else it waits for a message).
;; Standard output: for each batch, i64 each: nanoseconds of as many get_current_task,
;; share_mem, claim_mem.
(module
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "claim_mem" (func $claim (param i32) (result i32)))
  (import "usufruct" "get_current_task" (func $self (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "target")
  ;; 16 a message, 48 the clock, 64 the streams' vector, 128 what is asked,
  ;; 1024 the ids, 4096 what is answered.
  (global $out (mut i32) (i32.const 4096))
  (global $target (mut i32) (i32.const 0))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $end (result i32) (i32.add (i32.const 1024) (i32.shl (i32.load (i32.const 128)) (i32.const 2))))

  (func $put (param $since i64)
    (i64.store (global.get $out) (i64.sub (call $now) (local.get $since)))
    (global.set $out (i32.add (global.get $out) (i32.const 8))))

  (func $batch (local $at i32) (local $begun i64)
    (local.set $at (i32.const 1024))
    (local.set $begun (call $now))
    (loop $next
      (i32.store (local.get $at) (call $self))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (call $end))))
    (call $put (local.get $begun))
    (local.set $at (i32.const 1024))
    (local.set $begun (call $now))
    (loop $next
      (i32.store (local.get $at) (call $share (global.get $target) (i32.const 0x20000) (i32.const 4096) (i32.const 2)))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (call $end))))
    (call $put (local.get $begun))
    (local.set $at (i32.const 1024))
    (local.set $begun (call $now))
    (loop $next
      (if (call $claim (i32.load (local.get $at))) (then unreachable))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (call $end))))
    (call $put (local.get $begun)))

  (func (export "_start") (local $batches i32)
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 12))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (drop (call $open (i32.const 0)))
    (global.set $target (call $find (i32.const 0) (i32.const 6)))
    (if (i32.load (i32.const 136))
      (then (i32.store (i32.const 16)
        (call $share (global.get $target) (i32.const 0x20000) (i32.const 4096) (i32.const 2)))))
    (loop $again (br_if $again (call $send (global.get $target) (i32.const 0) (i32.const 16))))
    ;; Until it has begun.
    (drop (call $wait (i32.const 0) (i32.const 20)))
    (loop $next
      (call $batch)
      (br_if $next (i32.lt_u
        (local.tee $batches (i32.add (local.get $batches) (i32.const 1))) (i32.load (i32.const 132)))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.sub (global.get $out) (i32.const 4096)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))))
