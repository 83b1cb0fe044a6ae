;; Copies into the revoker's pages, for ever: through the object that they are
;; lent as, other bytes each time; or out of the object, to the pages themselves.
(module
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "usufruct" "read_mem" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "open_port" (func $open (param i32) (result i32)))
  (import "usufruct" "get_msg" (func $get (param i32 i32 i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait (param i32 i32) (result i32)))
  (memory (export "memory") 4)
  (func (export "_start") (local $byte i32)
    (drop (call $open (i32.const 0)))
    (drop (call $wait (i32.const 0) (i32.const -1)))
    (drop (call $get (i32.const 0) (i32.const 16) (i32.const 32)))
    (if (i32.load (i32.const 20))
      (then (loop $again
        (drop (call $read (i32.load (i32.const 16)) (i32.const 0) (i32.const 0x10000) (i32.const 0x80000000)))
        (br $again))))
    (loop $again
      (if (i32.eqz (call $write (i32.load (i32.const 16)) (i32.const 0) (i32.const 0x10000) (i32.const 0x20000)))
        (then
          (local.set $byte (i32.add (local.get $byte) (i32.const 1)))
          (memory.fill (i32.const 0x20000) (local.get $byte) (i32.const 0x10000))))
      (br $again))))
