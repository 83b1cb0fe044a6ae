;; Waits on its port 0 for four words (what, b, c, unused), does what they say, and
;; sends the result to the host's port 0. What the numbers mean: tests/host.rs.
(module
  (import "usufruct" "open_port" (func $open_port (param i32) (result i32)))
  (import "usufruct" "wait_msg" (func $wait_msg (param i32 i32) (result i32)))
  (import "usufruct" "get_msg" (func $get_msg (param i32 i32 i32) (result i32)))
  (import "usufruct" "send_msg" (func $send_msg (param i32 i32 i32) (result i32)))
  (import "usufruct" "share_mem" (func $share_mem (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "claim_mem" (func $claim_mem (param i32) (result i32)))
  (import "usufruct" "read_mem" (func $read_mem (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "write_mem" (func $write_mem (param i32 i32 i32 i32) (result i32)))
  (import "usufruct" "AllocMemBlocks" (func $AllocMemBlocks (param i32 i32) (result i32)))
  (import "usufruct" "ControlMem" (func $ControlMem (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)

  (func $obey (param $what i32) (param $b i32) (param $c i32) (param $host i32) (result i32)
    (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 (local.get $what)))
      ;; 0: read
      (if (call $read_mem (local.get $b) (i32.const 0) (local.get $c) (i32.const 65536))
        (then (return (i32.const -1))))
      (return (i32.load8_u (i32.const 65536))))
      ;; 1: write
      (memory.fill (i32.const 65536) (local.get $c) (local.get $c))
      (return (call $write_mem (local.get $b) (i32.const 0) (local.get $c) (i32.const 65536))))
      ;; 2: store
      (i32.store (local.get $b) (local.get $c))
      (return (i32.const 0)))
      ;; 3: allocate
      (return (call $AllocMemBlocks (local.get $b) (i32.const 0x100))))
      ;; 4: give
      (return (call $ControlMem (local.get $b) (local.get $c) (i32.const 3) (local.get $host))))
      ;; 5: share
      (return (call $share_mem (local.get $host) (local.get $b) (local.get $c) (i32.const 6))))
      ;; 6: claim
      (return (call $claim_mem (local.get $b))))
      ;; 7: nobody may write
      (return (call $ControlMem (local.get $b) (local.get $c) (i32.const 1) (i32.const 0))))
    ;; 8: load
    (i32.load8_u (local.get $b)))

  (func (export "main") (result i32)
    (drop (call $open_port (i32.const 0)))
    (loop $next
      (drop (call $wait_msg (i32.const 0) (i32.const -1)))
      (if (i32.eqz (call $get_msg (i32.const 0) (i32.const 0) (i32.const 16)))
        (then
          (i32.store (i32.const 32)
            (call $obey (i32.load (i32.const 0)) (i32.load (i32.const 4)) (i32.load (i32.const 8))
              (i32.load (i32.const 16))))
          (drop (call $send_msg (i32.load (i32.const 16)) (i32.const 0) (i32.const 32)))))
      (br $next))
    (i32.const 0)))
