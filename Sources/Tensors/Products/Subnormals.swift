import CLinux

/// Calls `body` on this thread with subnormal numbers, those below 2^-126, taken for zero.
///
/// A subnormal operand makes an instruction some 30 times slower, and processors with products of
/// bfloat16 take it for zero anyway: with this all products do, everywhere. What is computed beside
/// products, statistics and masks for two, keeps such numbers.
///
/// The compiler knows nothing of the mode and may move arithmetic in and out: `body` is a call of
/// another library, or is not inlined.
func withoutSubnormals<Result>(_ body: () -> Result) -> Result {
    let mode = stade_flush_subnormals()
    defer { stade_set_float_mode(mode) }
    return body()
}
