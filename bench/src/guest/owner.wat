;; Lends 16 MiB from address 1 MiB, to read and to write, to whoever sends a
;; message, and tells the id.
(module
  (import "usufruct" "share_mem" (func $share (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "claim_mem" (func $claim (param i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 272)
  (func (export "_start") (local $id i32)
    (memory.fill (i32.const 0x100000) (i32.const 0x5a) (i32.const 0x1000000))
    (drop (call $open (i32.const 0)))
    (loop $serve
      (drop (call $wait (i32.const 0) (i32.const -1)))
      (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
      ;; Who had it before has ended.
      (drop (call $claim (local.get $id)))
      (local.set $id
        (call $share (i32.load (i32.const 32)) (i32.const 0x100000) (i32.const 0x1000000) (i32.const 6)))
      (i32.store (i32.const 16) (local.get $id))
      (drop (call $send (i32.load (i32.const 32)) (i32.const 0) (i32.const 16)))
      (br $serve))))
