;; Tells the host that it is about to, and stores to a page that is free.
(module
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (import "bench" "mark" (func $mark))
  (memory (export "memory") 2)
  (func (export "_start")
    (call $mark)
    (i32.store (i32.const 0x80000000) (i32.const 1))))
