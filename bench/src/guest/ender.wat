;; Does nothing, and is over.
(module
  (memory (export "memory") 1)
  (func (export "_start")))
