;; Lets the task `target` store to pages and takes that away again, and times
;; each of the two. Before a page is taken the target has stored to it.
;;
;; Standard input (i32 each): pages, rounds, whether to grant to everybody,
;; whether the target computes in between (else it waits for a message).
;; Standard output, for each round, i64 each: nanoseconds of the grant, what the
;; target counted meanwhile, nanoseconds of the revocation, the same for it.
;;
;; The pool: a page with the round that the target is told of, a page with its
;; answer and its counter, which it may store to always, then the pages.
(module
  (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 8)
  (data (i32.const 0) "target")
  (global $page (mut i32) (i32.const 0))
  (global $target (mut i32) (i32.const 0))
  (global $out (mut i32) (i32.const 4096))

  (func $now (result i64)
    (drop (call $clock (i32.const 1) (i64.const 1) (i32.const 48)))
    (i64.load (i32.const 48)))

  (func $told (result i32) (i32.const 0x80000000))
  (func $answer (result i32) (i32.add (i32.const 0x80000000) (global.get $page)))
  (func $counted (result i32) (i32.atomic.load offset=64 (call $answer)))
  (func $data (result i32) (i32.add (call $answer) (global.get $page)))

  (func $put (param $value i64)
    (i64.store (global.get $out) (local.get $value))
    (global.set $out (i32.add (global.get $out) (i32.const 8))))

  (func $timed (param $command i32) (local $begun i64) (local $before i32)
    (local.set $before (call $counted))
    (local.set $begun (call $now))
    (if (call $control (call $data) (i32.mul (i32.load (i32.const 128)) (global.get $page)) (local.get $command)
          (select (i32.const 0) (global.get $target) (i32.load (i32.const 136))))
      (then unreachable))
    (call $put (i64.sub (call $now) (local.get $begun)))
    (call $put (i64.extend_i32_u (i32.sub (call $counted) (local.get $before)))))

  ;; Until the target computes, or until its worker has surely gone to sleep.
  (func $settle (local $before i32) (local $until i64)
    (local.set $before (call $counted))
    (local.set $until (i64.add (call $now) (i64.const 200000)))
    (if (i32.load (i32.const 140))
      (then (loop $look (br_if $look (i32.eq (call $counted) (local.get $before)))))
      (else (loop $look (br_if $look (i64.lt_u (call $now) (local.get $until)))))))

  ;; Has the target store to every page.
  (func $have_stored (param $round i32)
    (i32.store (i32.const 16) (local.get $round))
    (if (i32.load (i32.const 140))
      (then (i32.atomic.store (call $told) (local.get $round)))
      (else (if (call $send (global.get $target) (i32.const 0) (i32.const 16)) (then unreachable))))
    (loop $look (br_if $look (i32.ne (i32.atomic.load (call $answer)) (local.get $round)))))

  (func (export "_start") (local $round i32)
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 16))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (global.set $page (call $page_size (i32.const 0)))
    (global.set $target (call $find (i32.const 0) (i32.const 6)))
    (if (i32.ne (i32.const 0x80000000)
          (call $alloc (i32.mul (i32.add (i32.load (i32.const 128)) (i32.const 2)) (global.get $page)) (i32.const 0x100)))
      (then unreachable))
    (if (call $control (call $answer) (global.get $page) (i32.const 2) (global.get $target)) (then unreachable))
    (i32.store (i32.const 16) (i32.load (i32.const 128)))
    (i32.store (i32.const 20) (i32.load (i32.const 140)))
    (loop $again (br_if $again (call $send (global.get $target) (i32.const 0) (i32.const 16))))
    (loop $next
      (local.set $round (i32.add (local.get $round) (i32.const 1)))
      (call $settle)
      (call $timed (i32.const 2))
      (call $have_stored (local.get $round))
      (call $settle)
      (call $timed (i32.const 1))
      (br_if $next (i32.lt_u (local.get $round) (i32.load (i32.const 132)))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.sub (global.get $out) (i32.const 4096)))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72)))))
