;; Times loops of a call that does nothing, of read_mem and of write_mem. Standard
;; input: a size, and how often (i32 each). It writes an i64 of nanoseconds for
;; each of the three loops, then waits for ever, so that its memory stays.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "bench" "nothing" (func $nothing (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 272)
  (data (i32.const 0) "owner")
  ;; 16 messages, 48 the clock, 64 the streams' vector, 128 what is asked, 256 what is answered.
  (global $id (mut i32) (i32.const 0))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $read_all (param $times i32) (local $failed i32)
    (loop $again
      (local.set $failed (i32.or (local.get $failed)
        (call $read (global.get $id) (i32.const 0) (i32.load (i32.const 128)) (i32.const 0x100000))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (if (local.get $failed) (then unreachable)))

  (func $write_all (param $times i32) (local $failed i32)
    (loop $again
      (local.set $failed (i32.or (local.get $failed)
        (call $write (global.get $id) (i32.const 0) (i32.load (i32.const 128)) (i32.const 0x100000))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (if (local.get $failed) (then unreachable)))

  (func $nothing_all (param $times i32) (local $failed i32)
    (loop $again
      (local.set $failed (i32.or (local.get $failed)
        (call $nothing (global.get $id) (i32.const 0) (i32.load (i32.const 128)) (i32.const 0x100000))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (if (local.get $failed) (then unreachable)))

  (table funcref (elem $nothing_all $read_all $write_all))
  (type $all (func (param i32)))

  ;; A tenth of it first, to warm up.
  (func $measure (param $which i32) (local $begun i64)
    (call_indirect (type $all)
      (i32.add (i32.const 1) (i32.div_u (i32.load (i32.const 132)) (i32.const 10))) (local.get $which))
    (local.set $begun (call $now))
    (call_indirect (type $all) (i32.load (i32.const 132)) (local.get $which))
    (i64.store (i32.add (i32.const 256) (i32.shl (local.get $which) (i32.const 3)))
      (i64.sub (call $now) (local.get $begun))))

  (func $measure_all
    (call $measure (i32.const 0))
    (call $measure (i32.const 1))
    (call $measure (i32.const 2)))

  (func (export "_start")
    (drop (call $open (i32.const 0)))
    ;; The owner's port is not open from the first moment.
    (loop $again (br_if $again (call $send (call $find (i32.const 0) (i32.const 5)) (i32.const 0) (i32.const 16))))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (global.set $id (i32.load (i32.const 16)))
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    ;; All of it once before, for the memory is new.
    (call $measure_all)
    (call $measure_all)
    (i32.store (i32.const 64) (i32.const 256))
    (i32.store (i32.const 68) (i32.const 24))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))
    (drop (call $wait (i32.const 0) (i32.const -1)))))
