;; Lets whoever says hello store to four pages, takes the right away when it sees
;; the pages change, and looks whether they change afterwards. Again and again.
;;
;; Standard input (i32 each): how many counted revocations, whether to stop at a
;; late word. Standard output, now and then: counted revocations, all of them,
;; late words (three i64). Counted is one between whose call and return the other
;; has stored.
(module
  (import "usufruct" "ControlMem" (func $control (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "AllocMemBlocks" (func $alloc (param i32 i32) (result i32)))
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $page (mut i32) (i32.const 0))
  ;; 16 words asked for, 32 a message, 48 its sender, 64 the streams' vector, 128
  ;; the counters, 1024 the samples.

  (func $report
    (i32.store (i32.const 64) (i32.const 128))
    (i32.store (i32.const 68) (i32.const 24))
    (drop (call $fd_write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 72))))

  (func $count (param $counter i32) (param $more i32)
    (i64.store (local.get $counter)
      (i64.add (i64.load (local.get $counter)) (i64.extend_i32_u (local.get $more)))))

  ;; Of one word in each page, how many are not as they were at the last look.
  (func $changed (result i32) (local $at i32) (local $sample i32) (local $word i32) (local $sum i32)
    (local.set $at (i32.const 0x80000000))
    (local.set $sample (i32.const 1024))
    (loop $next
      (local.set $word (i32.atomic.load (local.get $at)))
      (local.set $sum (i32.add (local.get $sum)
        (i32.ne (local.get $word) (i32.load (local.get $sample)))))
      (i32.store (local.get $sample) (local.get $word))
      (local.set $at (i32.add (local.get $at) (global.get $page)))
      (br_if $next (i32.lt_u
        (local.tee $sample (i32.add (local.get $sample) (i32.const 4))) (i32.const 1040))))
    (local.get $sum))

  ;; A few microseconds.
  (func $pause (local $times i32)
    (local.set $times (i32.const 4000))
    (loop $next (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))

  (func $rights (param $command i32) (param $task i32) (result i32)
    (call $control (i32.const 0x80000000) (i32.shl (global.get $page) (i32.const 2))
      (local.get $command) (local.get $task)))

  ;; Until the last page has changed, and has changed again.
  (func $await_stores (local $at i32) (local $before i32) (local $times i32)
    (local.set $at (i32.add (i32.const 0x80000000) (i32.mul (global.get $page) (i32.const 3))))
    (local.set $times (i32.const 2))
    (loop $again
      (local.set $before (i32.atomic.load (local.get $at)))
      (loop $look (br_if $look (i32.eq (i32.atomic.load (local.get $at)) (local.get $before))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))

  (func $round (param $storer i32)
    (if (call $rights (i32.const 2) (local.get $storer)) (then (return)))
    (drop (call $send (local.get $storer) (i32.const 0) (i32.const 32)))
    (call $await_stores)
    (drop (call $changed))
    (if (call $rights (i32.const 1) (local.get $storer)) (then unreachable))
    (call $count (i32.const 128) (i32.ne (call $changed) (i32.const 0)))
    (call $pause)
    (call $count (i32.const 136) (i32.const 1))
    (call $count (i32.const 144) (call $changed)))

  (func (export "_start")
    (i32.store (i32.const 64) (i32.const 16))
    (i32.store (i32.const 68) (i32.const 8))
    (drop (call $fd_read (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 72)))
    (global.set $page (call $page_size (i32.const 0)))
    (if (i32.ne (i32.const 0x80000000)
          (call $alloc (i32.shl (global.get $page) (i32.const 2)) (i32.const 0x100)))
      (then unreachable))
    (drop (call $open (i32.const 0)))
    (loop $next
      ;; Whoever goes on storing says no hello again: then it is the same one's turn.
      (drop (call $wait (i32.const 0) (i32.const 20)))
      (drop (call $get (i32.const 0) (i32.const 32) (i32.const 48)))
      (call $round (i32.load (i32.const 48)))
      (if (i64.eqz (i64.and (i64.load (i32.const 136)) (i64.const 0xfff))) (then (call $report)))
      (if (i32.and (i32.load (i32.const 20)) (i64.ne (i64.load (i32.const 144)) (i64.const 0)))
        (then (call $report) (return)))
      (br_if $next (i64.lt_u (i64.load (i32.const 128)) (i64.load32_u (i32.const 16)))))
    (call $report)))
