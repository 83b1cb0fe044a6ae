;; What stands for memory.copy, memory.fill, memory.atomic.notify and the
;; memory.atomic.waits in a rewritten module, and before each memory.init.
;; `bulk.rs` puts it there.
;;
;; - Below the pool the native operations do the work, at most PART_BYTES
;;   at a time: they can not be interrupted, and between two of them the loop
;;   lets epochs act. They also check: whatever is out of bounds is handed to the
;;   native operation whole, which traps before it stores anything.
;; - In the pool's place (from 2 GiB on, where an i32 is negative) ordinary loads
;;   and stores do the work, which the MMU checks one by one. Stores are aligned,
;;   so none straddles two pages: when one faults, everything that comes before
;;   the page is stored (before the page's end and to the range's end, in a copy
;;   that goes backward), and nothing else.
(module
  (memory 1)

  ;; memory.copy
  (func $copy (param $to i32) (param $from i32) (param $len i32)
    (if (i32.and
          (i32.ge_s (i32.or (local.get $to) (local.get $from)) (i32.const 0))
          (i32.le_u (local.get $len) (i32.const PART_BYTES)))
      (then (memory.copy (local.get $to) (local.get $from) (local.get $len)))
      (else (call $copy_far (local.get $to) (local.get $from) (local.get $len)))))

  ;; memory.fill
  (func $fill (param $to i32) (param $byte i32) (param $len i32)
    (if (i32.and
          (i32.ge_s (local.get $to) (i32.const 0))
          (i32.le_u (local.get $len) (i32.const PART_BYTES)))
      (then (memory.fill (local.get $to) (local.get $byte) (local.get $len)))
      (else (call $fill_far (local.get $to) (local.get $byte) (local.get $len)))))

  ;; Comes before memory.init and leaves its words as they are. The report of a
  ;; trap knows that this `unreachable` means the pool: there is no other here.
  (func $heap_only (param $to i32) (param $from i32) (param $len i32) (result i32 i32 i32)
    (if (i32.lt_s (local.get $to) (i32.const 0)) (then (unreachable)))
    (local.get $to) (local.get $from) (local.get $len))

  ;; memory.atomic.notify, whose constant offset comes as a word. No task waits on
  ;; an address, so nobody is woken; but in the pool the native operation would take
  ;; the address for wrong. There a load sees whether it is aligned and is memory.
  (func $notify (param $at i32) (param $count i32) (param $offset i32) (result i32)
    (local.set $at (call $sum (local.get $at) (local.get $offset)))
    (if (result i32) (i32.ge_s (local.get $at) (i32.const 0))
      (then (memory.atomic.notify (local.get $at) (local.get $count)))
      (else (drop (i32.atomic.load (local.get $at))) (i32.const 0))))

  ;; memory.atomic.wait32 and wait64. They trap on every memory that is no shared
  ;; one, and say so. For the pool they are to say the same, so an address there is
  ;; seen to be memory, and one of the same alignment in the heap takes its place.
  (func $wait32 (param $at i32) (param $expected i32) (param $timeout i64) (param $offset i32)
    (result i32)
    (memory.atomic.wait32
      (call $waited_at (call $sum (local.get $at) (local.get $offset)))
      (local.get $expected) (local.get $timeout)))

  (func $wait64 (param $at i32) (param $expected i64) (param $timeout i64) (param $offset i32)
    (result i32)
    (memory.atomic.wait64
      (call $waited_at (call $sum (local.get $at) (local.get $offset)))
      (local.get $expected) (local.get $timeout)))

  (func $waited_at (param $at i32) (result i32)
    (if (result i32) (i32.ge_s (local.get $at) (i32.const 0))
      (then (local.get $at))
      (else
        (drop (i32.load8_u (local.get $at)))
        (i32.and (local.get $at) (i32.const 7)))))

  ;; An address and a constant offset. Traps if that is no address.
  (func $sum (param $at i32) (param $offset i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.add (local.get $at) (local.get $offset)))
    (if (i32.lt_u (local.get $sum) (local.get $at))
      (then (drop (i32.load8_u offset=0xffffffff (i32.const -1)))))
    (local.get $sum))

  ;; Whether a range sticks out of the heap, or out of the pool's place if it
  ;; begins there. In 64 bits the sum can not wrap.
  (func $is_outside (param $start i32) (param $len i32) (result i32)
    (i64.gt_u
      (i64.add (i64.extend_i32_u (local.get $start)) (i64.extend_i32_u (local.get $len)))
      (select
        (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))
        (i64.const 0x100000000)
        (i32.ge_s (local.get $start) (i32.const 0)))))

  ;; A copy that is long, or of which one end or both are in the pool.
  (func $copy_far (param $to i32) (param $from i32) (param $len i32)
    (local $is_forward i32)
    (if (i32.or
          (call $is_outside (local.get $to) (local.get $len))
          (call $is_outside (local.get $from) (local.get $len)))
      (then (memory.copy (local.get $to) (local.get $from) (local.get $len)) (return)))
    ;; Forward unless `to` lies behind `from` and in its range.
    (local.set $is_forward
      (i32.ge_u (i32.sub (local.get $to) (local.get $from)) (local.get $len)))
    (if (i32.ge_s (i32.or (local.get $to) (local.get $from)) (i32.const 0))
      (then
        (if (local.get $is_forward)
          (then (call $copy_heap_forward (local.get $to) (local.get $from) (local.get $len)))
          (else (call $copy_heap_backward (local.get $to) (local.get $from) (local.get $len)))))
      (else
        (if (local.get $is_forward)
          (then (call $copy_pool_forward (local.get $to) (local.get $from) (local.get $len)))
          (else (call $copy_pool_backward (local.get $to) (local.get $from) (local.get $len)))))))

  ;; At least one byte.
  (func $copy_heap_forward (param $to i32) (param $from i32) (param $len i32)
    (local $part i32)
    (loop $parts
      (local.set $part (call $part (local.get $len)))
      (memory.copy (local.get $to) (local.get $from) (local.get $part))
      (local.set $to (i32.add (local.get $to) (local.get $part)))
      (local.set $from (i32.add (local.get $from) (local.get $part)))
      (br_if $parts (local.tee $len (i32.sub (local.get $len) (local.get $part))))))

  ;; At least one byte.
  (func $copy_heap_backward (param $to i32) (param $from i32) (param $len i32)
    (local $part i32)
    (loop $parts
      (local.set $part (call $part (local.get $len)))
      (local.set $len (i32.sub (local.get $len) (local.get $part)))
      (memory.copy
        (i32.add (local.get $to) (local.get $len))
        (i32.add (local.get $from) (local.get $len))
        (local.get $part))
      (br_if $parts (local.get $len))))

  (func $part (param $len i32) (result i32)
    (select (local.get $len) (i32.const PART_BYTES)
      (i32.le_u (local.get $len) (i32.const PART_BYTES))))

  ;; All loads of a turn come before its stores, so `to` may be as near below
  ;; `from` as it likes.
  (func $copy_pool_forward (param $to i32) (param $from i32) (param $len i32)
    (local $a v128) (local $b v128) (local $c v128)
    (block $at_eights
      (loop $to_eights
        (br_if $at_eights (i32.eqz (i32.and (local.get $to) (i32.const 7))))
        (br_if $at_eights (i32.eqz (local.get $len)))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $to_eights)))
    (if (i32.and
          (i32.and (local.get $to) (i32.const 8))
          (i32.shl (i32.ge_u (local.get $len) (i32.const 8)) (i32.const 3)))
      (then
        (i64.store (local.get $to) (i64.load (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))))
    (block $under_64
      (loop $sixty_fours
        (br_if $under_64 (i32.lt_u (local.get $len) (i32.const 64)))
        (local.set $a (v128.load (local.get $from)))
        (local.set $b (v128.load offset=16 (local.get $from)))
        (local.set $c (v128.load offset=32 (local.get $from)))
        (local.get $to) (v128.load offset=48 (local.get $from))
        (v128.store (local.get $to) (local.get $a))
        (v128.store offset=16 (local.get $to) (local.get $b))
        (v128.store offset=32 (local.get $to) (local.get $c))
        (v128.store offset=48)
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (local.set $from (i32.add (local.get $from) (i32.const 64)))
        (local.set $len (i32.sub (local.get $len) (i32.const 64)))
        (br $sixty_fours)))
    (block $under_8
      (loop $eights
        (br_if $under_8 (i32.lt_u (local.get $len) (i32.const 8)))
        (i64.store (local.get $to) (i64.load (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $from (i32.add (local.get $from) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (br $eights)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eqz (local.get $len)))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $bytes))))

  ;; The same from the end. `to` and `from` become the ends of what is left; an
  ;; end of 4 GiB is 0, and what is subtracted from it leads back.
  (func $copy_pool_backward (param $to i32) (param $from i32) (param $len i32)
    (local $a v128) (local $b v128) (local $c v128)
    (local.set $to (i32.add (local.get $to) (local.get $len)))
    (local.set $from (i32.add (local.get $from) (local.get $len)))
    (block $at_eights
      (loop $to_eights
        (br_if $at_eights (i32.eqz (i32.and (local.get $to) (i32.const 7))))
        (br_if $at_eights (i32.eqz (local.get $len)))
        (local.set $to (i32.sub (local.get $to) (i32.const 1)))
        (local.set $from (i32.sub (local.get $from) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (br $to_eights)))
    (if (i32.and
          (i32.and (local.get $to) (i32.const 8))
          (i32.shl (i32.ge_u (local.get $len) (i32.const 8)) (i32.const 3)))
      (then
        (local.set $to (i32.sub (local.get $to) (i32.const 8)))
        (local.set $from (i32.sub (local.get $from) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (i64.store (local.get $to) (i64.load (local.get $from)))))
    (block $under_64
      (loop $sixty_fours
        (br_if $under_64 (i32.lt_u (local.get $len) (i32.const 64)))
        (local.set $to (i32.sub (local.get $to) (i32.const 64)))
        (local.set $from (i32.sub (local.get $from) (i32.const 64)))
        (local.set $len (i32.sub (local.get $len) (i32.const 64)))
        (local.set $a (v128.load offset=48 (local.get $from)))
        (local.set $b (v128.load offset=32 (local.get $from)))
        (local.set $c (v128.load offset=16 (local.get $from)))
        (local.get $to) (v128.load (local.get $from))
        (v128.store offset=48 (local.get $to) (local.get $a))
        (v128.store offset=32 (local.get $to) (local.get $b))
        (v128.store offset=16 (local.get $to) (local.get $c))
        (v128.store)
        (br $sixty_fours)))
    (block $under_8
      (loop $eights
        (br_if $under_8 (i32.lt_u (local.get $len) (i32.const 8)))
        (local.set $to (i32.sub (local.get $to) (i32.const 8)))
        (local.set $from (i32.sub (local.get $from) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (i64.store (local.get $to) (i64.load (local.get $from)))
        (br $eights)))
    (block $done
      (loop $bytes
        (br_if $done (i32.eqz (local.get $len)))
        (local.set $to (i32.sub (local.get $to) (i32.const 1)))
        (local.set $from (i32.sub (local.get $from) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (i32.store8 (local.get $to) (i32.load8_u (local.get $from)))
        (br $bytes))))

  ;; A fill that is long, or in the pool.
  (func $fill_far (param $to i32) (param $byte i32) (param $len i32)
    (local $part i32)
    (if (call $is_outside (local.get $to) (local.get $len))
      (then (memory.fill (local.get $to) (local.get $byte) (local.get $len)) (return)))
    (if (i32.lt_s (local.get $to) (i32.const 0))
      (then (call $fill_pool (local.get $to) (local.get $byte) (local.get $len)) (return)))
    (loop $parts
      (local.set $part (call $part (local.get $len)))
      (memory.fill (local.get $to) (local.get $byte) (local.get $part))
      (local.set $to (i32.add (local.get $to) (local.get $part)))
      (br_if $parts (local.tee $len (i32.sub (local.get $len) (local.get $part))))))

  (func $fill_pool (param $to i32) (param $byte i32) (param $len i32)
    (local $bytes v128)
    (local.set $bytes (i8x16.splat (local.get $byte)))
    (block $aligned
      (loop $to_sixteens
        (br_if $aligned (i32.eqz (i32.and (local.get $to) (i32.const 15))))
        (br_if $aligned (i32.eqz (local.get $len)))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $to_sixteens)))
    (block $under_64
      (loop $sixty_fours
        (br_if $under_64 (i32.lt_u (local.get $len) (i32.const 64)))
        (v128.store (local.get $to) (local.get $bytes))
        (v128.store offset=16 (local.get $to) (local.get $bytes))
        (v128.store offset=32 (local.get $to) (local.get $bytes))
        (v128.store offset=48 (local.get $to) (local.get $bytes))
        (local.set $to (i32.add (local.get $to) (i32.const 64)))
        (local.set $len (i32.sub (local.get $len) (i32.const 64)))
        (br $sixty_fours)))
    (block $under_8
      (loop $eights
        (br_if $under_8 (i32.lt_u (local.get $len) (i32.const 8)))
        (i64.store (local.get $to) (i64x2.extract_lane 0 (local.get $bytes)))
        (local.set $to (i32.add (local.get $to) (i32.const 8)))
        (local.set $len (i32.sub (local.get $len) (i32.const 8)))
        (br $eights)))
    (block $done
      (loop $rest
        (br_if $done (i32.eqz (local.get $len)))
        (i32.store8 (local.get $to) (local.get $byte))
        (local.set $to (i32.add (local.get $to) (i32.const 1)))
        (local.set $len (i32.sub (local.get $len) (i32.const 1)))
        (br $rest)))))
