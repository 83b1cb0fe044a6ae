;; Borrows from the source and copies all of it, in one call after the other.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "mem_size" (func $size (param i32) (result i32)))
  (import "usufruct" "find_task" (func $find (param i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 0) "source")
  (func (export "_start") (local $id i32)
    (drop (call $open (i32.const 0)))
    (loop $again
      (br_if $again (call $send (call $find (i32.const 0) (i32.const 6)) (i32.const 0) (i32.const 16))))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (local.set $id (i32.load (i32.const 16)))
    (if (i32.eq (memory.grow (i32.shr_u (call $size (local.get $id)) (i32.const 16))) (i32.const -1))
      (then unreachable))
    (loop $again
      (if (call $read (local.get $id) (i32.const 0) (call $size (local.get $id)) (i32.const 0x20000))
        (then unreachable))
      (br $again))))
