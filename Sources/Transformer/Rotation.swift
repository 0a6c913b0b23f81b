/// The rotation of queries and keys by their positions.
struct Rotation: Sendable, Hashable {
    /// Radians per position of each pair of a head's elements that is rotated: `[head_dim / 2]` or
    /// less.
    var frequencies: [Float]
    /// What rotated elements are multiplied by.
    var factor: Float = 1
    /// Longer sequences have other frequencies; nil: none has.
    var longest: Int?
}
