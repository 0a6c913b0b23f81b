import Tensors

/// The rotation of queries and keys by their positions.
package struct Rotation: Sendable, Hashable {
    /// Radians per position of each pair of a head's elements that is rotated: `[head_dim / 2]` or
    /// less.
    package var frequencies: [Float]
    /// What rotated elements are multiplied by.
    package var factor: Float = 1
    /// Longer sequences have other frequencies; nil: none has.
    package var longest: Int?
    package var pairs = RotaryTable.Pairs.halves
    /// Queries grow with their position; nil: they do not.
    package var growth: Growth?

    /// 1 + `factor` log(1 + position / `step`), in whole steps.
    ///
    /// Source: `get_llama_4_attn_scale` in `modeling_ministral3.py` of transformers.
    package struct Growth: Sendable, Hashable {
        package var factor: Float
        package var step: Int
    }
}
