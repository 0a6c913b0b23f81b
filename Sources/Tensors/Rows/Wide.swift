/// Four doubles, which need not be aligned.
@inline(__always)
func load4(_ start: UnsafePointer<Double>) -> SIMD4<Double> {
    UnsafeRawPointer(start).loadUnaligned(as: SIMD4<Double>.self)
}

/// Four floats as doubles: one instruction, where the generic conversion is a loop.
@inline(__always)
func load4(_ start: UnsafePointer<Float>) -> SIMD4<Double> {
    SIMD4(Double(start[0]), Double(start[1]), Double(start[2]), Double(start[3]))
}

@inline(__always)
func store4(_ value: SIMD4<Double>, _ start: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(start).storeBytes(of: value, as: SIMD4<Double>.self)
}

/// The sum of the lanes, always in this order.
@inline(__always)
func total(_ value: SIMD4<Double>) -> Double {
    (value[0] + value[1]) + (value[2] + value[3])
}

/// As many floats as there are lanes, which need not be aligned.
@inline(__always)
func load<Lanes: SIMD>(
    _ lanes: Lanes.Type, _ start: UnsafePointer<Float>
) -> Lanes where Lanes.Scalar == Float {
    UnsafeRawPointer(start).loadUnaligned(as: lanes)
}

@inline(__always)
func store<Lanes: SIMD>(
    _ value: Lanes, _ start: UnsafeMutablePointer<Float>
) where Lanes.Scalar == Float {
    UnsafeMutableRawPointer(start).storeBytes(of: value, as: Lanes.self)
}
