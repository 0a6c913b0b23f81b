/// How the factors of a matrix product are held; sums are float32 in all three.
package enum ProductInput: Sendable, Hashable, CaseIterable {
    case float32
    /// Rounded to bfloat16, but held and multiplied as float32: where that is the faster way.
    case roundedFloat32
    case bfloat16

    /// Bytes of an element.
    package var size: Int { self == .bfloat16 ? 2 : 4 }
}
