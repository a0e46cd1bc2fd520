;; Peaks of 128-bit arithmetic in a WebAssembly engine: eight independent sums of products. With their factors and a product
;; on its way they take fifteen of the sixteen registers of x86-64. Two factors are read anew at each round, so that no
;; product is the same at each and no round waits for the one before to make them.
(module
  (memory 1)
  (data (i32.const 0)
    "\00\00\80\3f\00\00\80\3f\00\00\80\3f\00\00\80\3f"
    "\00\00\00\3f\00\00\00\3f\00\00\00\3f\00\00\00\3f")

  (func (export "f32_multiply_add") (param $rounds i32) (param $by f32) (result f32)
    (local $x v128) (local $y v128)
    (local $p v128) (local $q v128) (local $r v128) (local $s v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $p (f32x4.splat (f32.mul (local.get $by) (f32.const 1))))
    (local.set $q (f32x4.splat (f32.mul (local.get $by) (f32.const 2))))
    (local.set $r (f32x4.splat (f32.mul (local.get $by) (f32.const 3))))
    (local.set $s (f32x4.splat (f32.mul (local.get $by) (f32.const 4))))
    (loop $again
      (local.set $x (v128.load (i32.const 0)))
      (local.set $y (v128.load (i32.const 16)))
      (local.set $a (f32x4.add (local.get $a) (f32x4.mul (local.get $x) (local.get $p))))
      (local.set $b (f32x4.add (local.get $b) (f32x4.mul (local.get $y) (local.get $p))))
      (local.set $c (f32x4.add (local.get $c) (f32x4.mul (local.get $x) (local.get $q))))
      (local.set $d (f32x4.add (local.get $d) (f32x4.mul (local.get $y) (local.get $q))))
      (local.set $e (f32x4.add (local.get $e) (f32x4.mul (local.get $x) (local.get $r))))
      (local.set $f (f32x4.add (local.get $f) (f32x4.mul (local.get $y) (local.get $r))))
      (local.set $g (f32x4.add (local.get $g) (f32x4.mul (local.get $x) (local.get $s))))
      (local.set $h (f32x4.add (local.get $h) (f32x4.mul (local.get $y) (local.get $s))))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (f32x4.extract_lane 0
      (f32x4.add
        (f32x4.add (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d)))
        (f32x4.add (f32x4.add (local.get $e) (local.get $f)) (f32x4.add (local.get $g) (local.get $h))))))

  (func (export "i16_dot") (param $rounds i32) (param $by i32) (result i32)
    (local $x v128) (local $y v128)
    (local $p v128) (local $q v128) (local $r v128) (local $s v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local $e v128) (local $f v128) (local $g v128) (local $h v128)
    (local.set $p (i16x8.splat (i32.mul (local.get $by) (i32.const 1))))
    (local.set $q (i16x8.splat (i32.mul (local.get $by) (i32.const 2))))
    (local.set $r (i16x8.splat (i32.mul (local.get $by) (i32.const 3))))
    (local.set $s (i16x8.splat (i32.mul (local.get $by) (i32.const 4))))
    (loop $again
      (local.set $x (v128.load (i32.const 0)))
      (local.set $y (v128.load (i32.const 16)))
      (local.set $a (i32x4.add (local.get $a) (i32x4.dot_i16x8_s (local.get $x) (local.get $p))))
      (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s (local.get $y) (local.get $p))))
      (local.set $c (i32x4.add (local.get $c) (i32x4.dot_i16x8_s (local.get $x) (local.get $q))))
      (local.set $d (i32x4.add (local.get $d) (i32x4.dot_i16x8_s (local.get $y) (local.get $q))))
      (local.set $e (i32x4.add (local.get $e) (i32x4.dot_i16x8_s (local.get $x) (local.get $r))))
      (local.set $f (i32x4.add (local.get $f) (i32x4.dot_i16x8_s (local.get $y) (local.get $r))))
      (local.set $g (i32x4.add (local.get $g) (i32x4.dot_i16x8_s (local.get $x) (local.get $s))))
      (local.set $h (i32x4.add (local.get $h) (i32x4.dot_i16x8_s (local.get $y) (local.get $s))))
      (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
    (i32x4.extract_lane 0
      (i32x4.add
        (i32x4.add (i32x4.add (local.get $a) (local.get $b)) (i32x4.add (local.get $c) (local.get $d)))
        (i32x4.add (i32x4.add (local.get $e) (local.get $f)) (i32x4.add (local.get $g) (local.get $h)))))))
