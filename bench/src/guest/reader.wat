;; Times loops of read_mem. Its standard input is a list of pairs of i32: a size
;; and how often (size -1: the empty call). It writes one u64 of nanoseconds for
;; each loop, then waits for ever, so that its memory stays.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "last_error" (func $error (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 64)
  (data (i32.const 0) "owner")

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $loop (param $id i32) (param $size i32) (param $times i32) (local $failed i32)
    (loop $again
      (local.set $failed (i32.or (local.get $failed)
        (call $read (local.get $id) (i32.const 0) (local.get $size) (i32.const 0x100000))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (if (local.get $failed) (then unreachable)))

  (func $empty (param $times i32)
    (loop $again
      (drop (call $error))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))

  (func $measure (param $id i32) (param $size i32) (param $times i32)
    (if (i32.lt_s (local.get $size) (i32.const 0))
      (then (call $empty (local.get $times)))
      (else (call $loop (local.get $id) (local.get $size) (local.get $times)))))

  (func (export "_start") (local $id i32) (local $at i32) (local $end i32) (local $out i32) (local $begun i64)
    (drop (call $open (i32.const 0)))
    (drop (call $send (call $find (i32.const 0) (i32.const 5)) (i32.const 0) (i32.const 16)))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (local.set $id (i32.load (i32.const 16)))

    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.const 4096))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (local.set $at (i32.const 4096))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 72))))
    (local.set $out (i32.const 16384))
    (loop $next
      ;; A tenth of it first, to warm up.
      (call $measure (local.get $id) (i32.load (local.get $at))
        (i32.add (i32.const 1) (i32.div_u (i32.load (i32.add (local.get $at) (i32.const 4))) (i32.const 10))))
      (local.set $begun (call $now))
      (call $measure (local.get $id) (i32.load (local.get $at)) (i32.load (i32.add (local.get $at) (i32.const 4))))
      (i64.store (local.get $out) (i64.sub (call $now) (local.get $begun)))
      (local.set $out (i32.add (local.get $out) (i32.const 8)))
      (br_if $next (i32.lt_u
        (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))

    (i32.store (i32.const 64) (i32.const 16384))
    (i32.store (i32.const 68) (i32.sub (local.get $out) (i32.const 16384)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))
    (drop (call $wait (i32.const 0) (i32.const -1)))))
