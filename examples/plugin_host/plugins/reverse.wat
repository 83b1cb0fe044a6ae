;; Turns the selection round, last byte first. By hand, in WebAssembly's own text.
(module
  (import "usufruct" "open_port" (func $open_port (param i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait_msg (param i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get_msg (param i32 i32 i32) (result i32)))
  (import "usufruct" "read_mem" (func $read_mem (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write_mem (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)

  ;; The order at 0: text, selection, start, length; its sender at 16.
  (func (export "main") (result i32) (local $at i32)
    (drop (call $open_port (i32.const 0)))
    (drop (call $wait_msg (i32.const 0) (i32.const -1)))
    (drop (call $get_msg (i32.const 0) (i32.const 0) (i32.const 16)))
    (loop $next
      (if (i32.lt_u (local.get $at) (i32.load (i32.const 12)))
        (then
          (if (call $read_mem (i32.load (i32.const 0))
                (i32.add (i32.load (i32.const 8)) (local.get $at)) (i32.const 1) (i32.const 32))
            (then (return (i32.const 1))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (if (call $write_mem (i32.load (i32.const 4))
                (i32.sub (i32.load (i32.const 12)) (local.get $at)) (i32.const 1) (i32.const 32))
            (then (return (i32.const 1))))
          (br $next))))
    (i32.const 0)))
