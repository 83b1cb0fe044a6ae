;; Hands `size` bytes of its memory over, `times` times. `$consume` is an import, so
;; that it can be another component's or the host's.
(component
  (import "consume" (func $consume (param "bytes" (list u8))))
  (core module $memory (memory (export "memory") 272))
  (core instance $memory (instantiate $memory))
  (core func $lowered (canon lower (func $consume) (memory (core memory $memory "memory"))))
  (core module $loop
    (import "host" "consume" (func $consume (param i32 i32)))
    (func (export "run") (param $times i32) (param $size i32)
      (loop $next
        (call $consume (i32.const 65536) (local.get $size))
        (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))))
  (core instance $loop (instantiate $loop
    (with "host" (instance (export "consume" (func $lowered))))))
  (func (export "run") (param "times" u32) (param "size" u32)
    (canon lift (core func $loop "run"))))
