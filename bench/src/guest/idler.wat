;; A task that is attached to the pool, and no more.
(module
  (import "usufruct" "GetPageSize" (func $page_size (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start") (drop (call $page_size (i32.const 0)))))
