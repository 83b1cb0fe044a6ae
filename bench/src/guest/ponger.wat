;; Answers every message by the same.
(module
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "send_msg" (func $send (param i32 i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $open (i32.const 0)))
    (loop $again
      (drop (call $wait (i32.const 0) (i32.const -1)))
      (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
      (drop (call $send (i32.load (i32.const 32)) (i32.const 0) (i32.const 16)))
      (br $again))))
