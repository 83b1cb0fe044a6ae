;; Fills bytes and hands them to the task `taker`, in three ways in turns: 0 gives
;; pages, 1 the same and the taker fences, 2 lends private memory to be copied.
;;
;; Standard input (i32 each): bytes, a multiple of 256; rounds, each of three ways.
;; Standard output: for each way of each round, i64 each: nanoseconds of filling,
;; nanoseconds of its call that gives, 0 where it makes none.
(module
  (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (data (i32.const 0) "taker")
  (global $out (mut i32) (i32.const 4096))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $fill (param $at i32) (param $value i32) (local $left i32) (local $lanes v128)
    (local.set $left (i32.load (i32.const 128)))
    (local.set $lanes (i64x2.splat (i64.extend_i32_u (local.get $value))))
    (loop $next
      (v128.store (local.get $at) (local.get $lanes))
      (v128.store offset=16 (local.get $at) (local.get $lanes))
      (v128.store offset=32 (local.get $at) (local.get $lanes))
      (v128.store offset=48 (local.get $at) (local.get $lanes))
      (local.set $at (i32.add (local.get $at) (i32.const 64)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 64))))))

  (func $hand_over (param $way i32) (param $value i32) (param $taker i32) (local $begun i64) (local $filled i64)
    (local.set $begun (call $now))
    (call $fill (select (i32.const 0x20000) (i32.const 0x80000000) (i32.eq (local.get $way) (i32.const 2)))
      (local.get $value))
    (local.set $filled (call $now))
    (i64.store (global.get $out) (i64.sub (local.get $filled) (local.get $begun)))
    (if (i32.ne (local.get $way) (i32.const 2))
      (then
        (if (call $control (i32.const 0x80000000) (i32.load (i32.const 128)) (i32.const 3) (local.get $taker))
          (then unreachable))
        (i64.store offset=8 (global.get $out) (i64.sub (call $now) (local.get $filled)))))
    (global.set $out (i32.add (global.get $out) (i32.const 16)))
    (i32.store (i32.const 16) (local.get $way))
    (i32.store (i32.const 20) (local.get $value))
    (if (call $send (local.get $taker) (i32.const 0) (i32.const 16)) (then unreachable))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32))))

  (func (export "_start") (local $taker i32) (local $turn i32)
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (if (i32.eq (memory.grow (i32.shr_u (i32.load (i32.const 128)) (i32.const 16))) (i32.const -1))
      (then unreachable))
    (if (i32.ne (i32.const 0x80000000) (call $alloc (i32.load (i32.const 128)) (i32.const 0x100)))
      (then unreachable))
    (drop (call $open (i32.const 0)))
    (local.set $taker (call $find (i32.const 0) (i32.const 5)))
    (i32.store (i32.const 16) (call $share (local.get $taker) (i32.const 0x20000) (i32.load (i32.const 128)) (i32.const 2)))
    (loop $again (br_if $again (call $send (local.get $taker) (i32.const 0) (i32.const 16))))
    (loop $next
      (call $hand_over (i32.rem_u (local.get $turn) (i32.const 3))
        (i32.add (local.get $turn) (i32.const 1)) (local.get $taker))
      (br_if $next (i32.lt_u
        (local.tee $turn (i32.add (local.get $turn) (i32.const 1)))
        (i32.mul (i32.load (i32.const 132)) (i32.const 3)))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.sub (global.get $out) (i32.const 4096)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))))
