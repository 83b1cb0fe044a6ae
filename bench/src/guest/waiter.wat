;; Waits for a message for ever.
(module
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (drop (call $open (i32.const 0)))
    (drop (call $wait (i32.const 0) (i32.const -1)))))
