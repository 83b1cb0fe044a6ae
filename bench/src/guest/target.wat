;; Stores to the changer's pages whenever it is told to; in between it counts, or
;; it waits for the next message. See changer.wat for the pool.
(module
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 2)

  (func $receive (result i32)
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (i32.load (i32.const 16)))

  (func $count_until_told (param $answer i32) (param $last i32) (result i32) (local $told i32)
    (loop $again
      (drop (i32.atomic.rmw.add offset=64 (local.get $answer) (i32.const 1)))
      (br_if $again (i32.eq (local.tee $told (i32.atomic.load (i32.const 0x80000000))) (local.get $last))))
    (local.get $told))

  (func (export "_start")
    (local $page i32) (local $pages i32) (local $counts i32) (local $answer i32) (local $round i32) (local $at i32) (local $index i32)
    (drop (call $open (i32.const 0)))
    (local.set $page (call $page_size (i32.const 0)))
    (local.set $answer (i32.add (i32.const 0x80000000) (local.get $page)))
    (local.set $pages (call $receive))
    (local.set $counts (i32.load (i32.const 20)))
    (loop $next
      (local.set $round
        (if (result i32) (local.get $counts)
          (then (call $count_until_told (local.get $answer) (local.get $round)))
          (else (call $receive))))
      (local.set $at (i32.add (local.get $answer) (local.get $page)))
      (local.set $index (local.get $pages))
      (loop $store
        (i32.store (local.get $at) (local.get $round))
        (local.set $at (i32.add (local.get $at) (local.get $page)))
        (br_if $store (local.tee $index (i32.sub (local.get $index) (i32.const 1)))))
      (i32.atomic.store (local.get $answer) (local.get $round))
      (br $next))))
