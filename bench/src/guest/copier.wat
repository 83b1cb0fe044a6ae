;; Writes through whatever object the claimer names, for ever.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $names i32)
    (memory.fill (i32.const 0x20000) (i32.const 0x5a) (i32.const 0x10000))
    (drop (call $open (i32.const 0)))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (local.set $names (i32.load (i32.const 16)))
    (loop $again
      (drop (call $read (local.get $names) (i32.const 0) (i32.const 4) (i32.const 64)))
      (drop (call $write (i32.load (i32.const 64)) (i32.const 0) (i32.const 0x10000) (i32.const 0x20000)))
      (br $again))))
