;; What stands for memory.init of a data segment that is too long for one native
;; operation. It is put into a module once for each such segment, which takes the
;; place of the one here.
(module
  (memory 1)
  (data $segment "")

  (func $init (param $to i32) (param $from i32) (param $len i32)
    (local $part i32)
    ;; What is short, or out of bounds, is the native operation's. (No module is
    ;; so large that a segment could reach over 2 GiB.)
    (if (i32.or
          (i32.le_u (local.get $len) (i32.const PART_BYTES))
          (i64.ge_u
            (i64.or
              (i64.add (i64.extend_i32_u (local.get $to)) (i64.extend_i32_u (local.get $len)))
              (i64.add (i64.extend_i32_u (local.get $from)) (i64.extend_i32_u (local.get $len))))
            (i64.const 0x80000000)))
      (then
        (memory.init $segment (local.get $to) (local.get $from) (local.get $len))
        (return)))
    ;; Of length 0 at both ends: traps unless the whole of both ranges is there.
    (memory.init $segment
      (i32.add (local.get $to) (local.get $len))
      (i32.add (local.get $from) (local.get $len))
      (i32.const 0))
    (loop $parts
      (local.set $part
        (select (local.get $len) (i32.const PART_BYTES)
          (i32.le_u (local.get $len) (i32.const PART_BYTES))))
      (memory.init $segment (local.get $to) (local.get $from) (local.get $part))
      (local.set $to (i32.add (local.get $to) (local.get $part)))
      (local.set $from (i32.add (local.get $from) (local.get $part)))
      (br_if $parts (local.tee $len (i32.sub (local.get $len) (local.get $part)))))))
