;; Says hello to the evictor, waits for its leave, and stores to its four pages
;; until a store is stopped.
(module
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "evictor")
  (func (export "_start") (local $page i32) (local $at i32) (local $value i32) (local $left i32)
    (drop (call $open (i32.const 0)))
    (local.set $page (call $page_size (i32.const 0)))
    (loop $again
      (br_if $again (call $send (call $find (i32.const 0) (i32.const 7)) (i32.const 0) (i32.const 16))))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (local.set $value (i32.load (i32.const 0x80000000)))
    (loop $again
      (local.set $value (i32.add (local.get $value) (i32.const 1)))
      (local.set $at (i32.const 0x80000000))
      (local.set $left (i32.const 4))
      (loop $store
        (i32.atomic.store (local.get $at) (local.get $value))
        (local.set $at (i32.add (local.get $at) (local.get $page)))
        (br_if $store (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (br $again))))
