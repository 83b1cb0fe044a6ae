;; Writes 64 bytes through the object that the claimer names, again and again until
;; it is refused; then it asks for the next name.
(module
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $names i32) (local $id i32)
    (memory.fill (i32.const 0x20000) (i32.const 0x5a) (i32.const 64))
    (drop (call $open (i32.const 0)))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (local.set $names (i32.load (i32.const 16)))
    (loop $again
      (drop (call $read (local.get $names) (i32.const 0) (i32.const 4) (i32.const 64)))
      (local.set $id (i32.load (i32.const 64)))
      (loop $hot
        (br_if $hot (i32.eqz
          (call $write (local.get $id) (i32.const 0) (i32.const 64) (i32.const 0x20000)))))
      (br $again))))
