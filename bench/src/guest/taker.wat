;; Takes what giver.wat hands over, reads every byte of it, and gives it back.
;;
;; Standard input: as the giver's. Standard output, for each way of each round,
;; i64 each: nanoseconds of fencing or copying, nanoseconds of reading.
(module
  (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "get_current_task" (func $self (result i32)))
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 4)
  (global $out (mut i32) (i32.const 4096))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $receive (result i32)
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (i32.load (i32.const 16)))

  (func $pages (param $command i32) (param $task i32)
    (if (call $control (i32.const 0x80000000) (i32.load (i32.const 128)) (local.get $command) (local.get $task))
      (then unreachable)))

  ;; The sum of all words of eight bytes. So many at once that the memory is waited
  ;; for, and not the loop.
  (func $sum (param $at i32) (result i64) (local $left i32) (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $left (i32.load (i32.const 128)))
    (loop $next
      (local.set $a (i64x2.add (local.get $a) (v128.load (local.get $at))))
      (local.set $b (i64x2.add (local.get $b) (v128.load offset=16 (local.get $at))))
      (local.set $c (i64x2.add (local.get $c) (v128.load offset=32 (local.get $at))))
      (local.set $d (i64x2.add (local.get $d) (v128.load offset=48 (local.get $at))))
      (local.set $a (i64x2.add (local.get $a) (v128.load offset=64 (local.get $at))))
      (local.set $b (i64x2.add (local.get $b) (v128.load offset=80 (local.get $at))))
      (local.set $c (i64x2.add (local.get $c) (v128.load offset=96 (local.get $at))))
      (local.set $d (i64x2.add (local.get $d) (v128.load offset=112 (local.get $at))))
      (local.set $a (i64x2.add (local.get $a) (v128.load offset=128 (local.get $at))))
      (local.set $b (i64x2.add (local.get $b) (v128.load offset=144 (local.get $at))))
      (local.set $c (i64x2.add (local.get $c) (v128.load offset=160 (local.get $at))))
      (local.set $d (i64x2.add (local.get $d) (v128.load offset=176 (local.get $at))))
      (local.set $a (i64x2.add (local.get $a) (v128.load offset=192 (local.get $at))))
      (local.set $b (i64x2.add (local.get $b) (v128.load offset=208 (local.get $at))))
      (local.set $c (i64x2.add (local.get $c) (v128.load offset=224 (local.get $at))))
      (local.set $d (i64x2.add (local.get $d) (v128.load offset=240 (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 256)))
      (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 256)))))
    (local.set $a (i64x2.add (i64x2.add (local.get $a) (local.get $b)) (i64x2.add (local.get $c) (local.get $d))))
    (i64.add (i64x2.extract_lane 0 (local.get $a)) (i64x2.extract_lane 1 (local.get $a))))

  (func $take (param $way i32) (param $value i32) (param $id i32) (local $begun i64) (local $taken i64) (local $sum i64)
    (local.set $begun (call $now))
    (if (i32.eq (local.get $way) (i32.const 1))
      (then
        (call $pages (i32.const 1) (i32.const 0))
        (call $pages (i32.const 2) (call $self))))
    (if (i32.eq (local.get $way) (i32.const 2))
      (then
        (if (call $read (local.get $id) (i32.const 0) (i32.load (i32.const 128)) (i32.const 0x20000))
          (then unreachable))))
    (local.set $taken (call $now))
    (local.set $sum
      (call $sum (select (i32.const 0x20000) (i32.const 0x80000000) (i32.eq (local.get $way) (i32.const 2)))))
    (i64.store offset=8 (global.get $out) (i64.sub (call $now) (local.get $taken)))
    (i64.store (global.get $out) (i64.sub (local.get $taken) (local.get $begun)))
    (global.set $out (i32.add (global.get $out) (i32.const 16)))
    ;; What has been handed over now, and nothing older.
    (if (i64.ne (local.get $sum)
          (i64.mul (i64.extend_i32_u (local.get $value)) (i64.extend_i32_u (i32.shr_u (i32.load (i32.const 128)) (i32.const 3)))))
      (then unreachable)))

  (func (export "_start") (local $id i32) (local $giver i32) (local $turn i32) (local $way i32)
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (if (i32.eq (memory.grow (i32.shr_u (i32.load (i32.const 128)) (i32.const 16))) (i32.const -1))
      (then unreachable))
    (drop (call $open (i32.const 0)))
    (local.set $id (call $receive))
    (local.set $giver (i32.load (i32.const 32)))
    (loop $next
      (local.set $way (call $receive))
      (call $take (local.get $way) (i32.load (i32.const 20)) (local.get $id))
      (if (i32.ne (local.get $way) (i32.const 2))
        (then
          (call $pages (i32.const 3) (local.get $giver))
          (call $pages (i32.const 1) (call $self))))
      (if (call $send (local.get $giver) (i32.const 0) (i32.const 16)) (then unreachable))
      (br_if $next (i32.lt_u
        (local.tee $turn (i32.add (local.get $turn) (i32.const 1)))
        (i32.mul (i32.load (i32.const 132)) (i32.const 3)))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.sub (global.get $out) (i32.const 4096)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))))
