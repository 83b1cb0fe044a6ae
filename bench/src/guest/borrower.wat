;; Copies 64 B for ever through the object that a message names; if it names none,
;; waits for ever.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $id i32)
    (drop (call $open (i32.const 0)))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (local.set $id (i32.load (i32.const 16)))
    (if (i32.eqz (local.get $id)) (then (drop (call $wait (i32.const 0) (i32.const -1)))))
    (loop $again
      (drop (call $read (local.get $id) (i32.const 0) (i32.const 64) (i32.const 128)))
      (br $again))))
