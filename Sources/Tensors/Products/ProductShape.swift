/// All that a kernel for a product depends on.
struct ProductShape: Hashable {
    enum Right: Hashable {
        case packed
        /// `[inner, columns]` with this stride.
        case plain(Int)
        /// `[columns, inner]` with this stride.
        case transposed(Int)
    }

    var rows: Int
    var inner: Int
    var columns: Int
    var leftStride: Int
    var right: Right
    var targetStride: Int
    var isBfloat16: Bool
    var hasBias: Bool
    var accumulates: Bool

    var isWork: Bool { rows > 0 && inner > 0 && columns > 0 }
}
