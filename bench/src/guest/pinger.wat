;; Sends a message to the task `ponger` and waits for its answer, again and again.
;; Standard input: how often (i32), and how often that is timed (i32).
;; Standard output: an i64 of nanoseconds for each.
(module
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "ponger")
  (global $out (mut i32) (i32.const 4096))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $ping (param $ponger i32)
    ;; Its port is not open from the first moment.
    (loop $again (br_if $again (call $send (local.get $ponger) (i32.const 0) (i32.const 16))))
    (if (call $wait (i32.const 0) (i32.const -1)) (then unreachable))
    (if (call $get (i32.const 0) (i32.const 16) (i32.const 32)) (then unreachable)))

  (func (export "_start") (local $ponger i32) (local $left i32) (local $batches i32) (local $begun i64)
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (drop (call $open (i32.const 0)))
    (local.set $ponger (call $find (i32.const 0) (i32.const 6)))
    (call $ping (local.get $ponger))
    (loop $batch
      (local.set $left (i32.load (i32.const 128)))
      (local.set $begun (call $now))
      (loop $next
        (call $ping (local.get $ponger))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i64.store (global.get $out) (i64.sub (call $now) (local.get $begun)))
      (global.set $out (i32.add (global.get $out) (i32.const 8)))
      (br_if $batch (i32.lt_u
        (local.tee $batches (i32.add (local.get $batches) (i32.const 1))) (i32.load (i32.const 132)))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.sub (global.get $out) (i32.const 4096)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))))
