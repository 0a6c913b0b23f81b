import Checkpoint
import Tensors

/// A norm's weight and bias while they are tuned.
final class NormParameter: Sendable {
    private let norm: NormWeights
    /// How fast it changes beside weights: each of its numbers has a whole feature's part in what
    /// the block makes.
    private static let share = 0.05
    /// Where they stand in the checkpoint.
    private let tensors: [(weight: TensorView?, bias: TensorView?)]
    let weight: VectorParameter?
    let bias: VectorParameter?
    /// Of what it is over; where its weights are shared by heads, of one head.
    let features: Int

    /// - Parameters:
    ///   - norm: as the block has it.
    ///   - features: where it has no weights.
    init(
        _ norm: NormWeights, _ tensors: [(weight: TensorView?, bias: TensorView?)], features: Int
    ) {
        self.norm = norm
        self.tensors = tensors
        let size = norm.weight.map { Self.share * sizeOfKept(Matrix(row: $0).view) } ?? 0
        func parameter(
            _ values: [Float]?, _ tensors: [TensorView?], shift: Float
        ) -> VectorParameter? {
            values.map {
                VectorParameter(
                    $0, stored: tensors.compactMap { $0.map { ($0.count, $0.type) } }, size: size,
                    shift: shift)
            }
        }
        weight = parameter(
            norm.weight, tensors.map(\.weight), shift: norm.kind.isAroundOne ? 1 : 0)
        bias = parameter(norm.bias, tensors.map(\.bias), shift: 0)
        self.features = weight?.count ?? features
    }

    var isTuned: Bool { weight != nil }
    var isCentred: Bool { norm.kind.isCentred }
    var vectors: [VectorParameter] { [weight, bias].compactMap(\.self) }

    /// What the block runs with.
    var used: NormWeights { norm.replacing(weight: weight?.used, bias: bias?.used) }
    /// The best so far.
    var best: NormWeights { norm.replacing(weight: weight?.best, bias: bias?.best) }

    /// Takes over what chunks have found, one after the other: `[2 * chunks, features]`.
    func add(_ sums: MatrixView, accumulates: Bool) {
        for (kind, vector) in [weight, bias].enumerated() {
            guard let vector else { continue }
            let total = (0..<features).map { column in
                stride(from: kind, to: sums.rows, by: 2)
                    .reduce(0.0) { $0 + Double(sums[$1, column]) }
            }
            vector.add(total, accumulates: accumulates)
        }
    }

    /// The best as it is stored.
    var stored: [TunedTensor] {
        let shift: Float = norm.kind.isAroundOne ? 1 : 0
        return cut(weight?.best.map { $0 - shift }, bias?.best)
    }

    /// What there is for each number of weight and bias, by tensor.
    func cut(_ weight: [Float]?, _ bias: [Float]?) -> [TunedTensor] {
        func cut(_ values: [Float]?, _ tensors: [TensorView?]) -> [TunedTensor] {
            guard let values else { return [] }
            var start = 0
            return tensors.compactMap(\.self).map { tensor in
                defer { start += tensor.count }
                return TunedTensor(
                    name: tensor.name, values: Array(values[start..<(start + tensor.count)]))
            }
        }
        return cut(weight, tensors.map(\.weight)) + cut(bias, tensors.map(\.bias))
    }
}

/// A tensor that is no layer's, as it is stored, row after row.
package struct TunedTensor: Sendable, Hashable {
    /// In the checkpoint.
    package let name: String
    package let values: [Float]
}

extension NormWeights {
    fileprivate func replacing(weight: [Float]?, bias: [Float]?) -> NormWeights {
        NormWeights(kind: kind, weight: weight, bias: bias, epsilon: epsilon)
    }
}

extension Architecture.Norm {
    /// Whether the mean is taken away first.
    fileprivate var isCentred: Bool { self != .rms && self != .rmsAroundOne }
}
