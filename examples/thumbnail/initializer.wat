;; The one attempt that can not be written in Rust: memory.init into the pool. It ends the
;; first life; the second one does nothing.
(module
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data $bytes "not for the pool")

  ;; Where the lines lie, and how long they are.
  (data (i32.const 0) "\40\00\00\00\53\00\00\00\00\01\00\00\33\00\00\00")
  (data (i32.const 0x40) "attempt init-a-page: has memory.init store to a page of the pool -> this life ends\n")
  (data (i32.const 0x100) "attempt init-a-page -> SUCCEEDED: the life goes on\n")

  (func $say (param $vector i32)
    (drop (call $write (i32.const 1) (local.get $vector) (i32.const 1) (i32.const 0x20))))

  (func $store_to_a_page (param $page i32)
    (memory.init $bytes (local.get $page) (i32.const 0) (i32.const 16)))

  (func (export "_start")
    ;; The only variable is "USUFRUCT_LIFE=0", with the life's number.
    (drop (call $environ (i32.const 0x200) (i32.const 0x400)))
    (if (i32.eq (i32.load8_u offset=14 (i32.const 0x400)) (i32.const 0x30))
      (then
        (call $say (i32.const 0))
        (call $store_to_a_page (i32.const 0x80000000))
        (call $say (i32.const 8))))))
