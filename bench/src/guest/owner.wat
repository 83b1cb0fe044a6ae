;; Lends 2 MiB from address 1 MiB to whoever sends a message, and tells the id.
(module
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 64)
  (func (export "_start")
    (memory.fill (i32.const 0x100000) (i32.const 0x5a) (i32.const 0x200000))
    (drop (call $open (i32.const 0)))
    (loop $serve
      (drop (call $wait (i32.const 0) (i32.const -1)))
      (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
      (i32.store (i32.const 16)
        (call $share (i32.load (i32.const 32)) (i32.const 0x100000) (i32.const 0x200000) (i32.const 2)))
      (drop (call $send (i32.load (i32.const 32)) (i32.const 0) (i32.const 16)))
      (br $serve))))
