import Glibc
import Tensors

/// The rotation of queries and keys by their positions.
package struct Rotation: Sendable, Hashable {
    /// Radians per position of each pair of a head's elements that is rotated: `[head_dim / 2]` or
    /// less.
    package var frequencies: [Float]
    /// What rotated elements are multiplied by.
    package var factor: Float = 1
    /// What turns longer sequences, from their first token on; nil: the same.
    package var long: Long?
    package var pairs = RotaryTable.Pairs.halves
    /// Queries grow with their position; nil: they do not.
    package var growth: Growth?

    /// Of sequences with more than `length` tokens.
    package struct Long: Sendable, Hashable {
        package var length: Int
        package var frequencies: [Float]
        package var factor: Float
    }

    /// What turns a sequence of `length` tokens.
    package func of(length: Int) -> Rotation {
        guard let long else { return self }
        var result = self
        result.long = nil
        if length > long.length {
            result.frequencies = long.frequencies
            result.factor = long.factor
        }
        return result
    }

    /// 1 + `factor` log(1 + position / `step`), in whole steps.
    ///
    /// Source: `get_llama_4_attn_scale` in `modeling_ministral3.py` of transformers.
    package struct Growth: Sendable, Hashable {
        package var factor: Float
        package var step: Int

        /// Multiplies rows of some positions. x: `[positions, features]`.
        func apply(_ x: MatrixView, positions: Range<Int>) {
            precondition(x.rows == positions.count, "a row for each position")
            for (row, position) in positions.enumerated() where position >= step {
                let steps = Float(position / step)
                scale(
                    x.part(rows: row..<(row + 1), columns: 0..<x.columns),
                    by: 1 + factor * logf(1 + steps))
            }
        }
    }
}
