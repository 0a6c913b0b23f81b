import Checkpoint
import Tensors

extension Model {
    /// Of a layer that makes or reads a latent, in a block with so many heads.
    func latentShape(_ role: Role, heads: Int) -> Shape {
        guard let latent = configuration.latent else { return Shape(rows: 0, columns: 0) }
        let hidden = configuration.hiddenSize
        return switch role {
        case .queryLatent: Shape(rows: latent.queryRank ?? 0, columns: hidden)
        case .queryFromLatent:
            Shape(rows: heads * latent.headDim, columns: latent.queryRank ?? 0)
        case .keyValueLatent:
            Shape(rows: latent.keyValueRank + latent.rotatedSize, columns: hidden)
        default:
            Shape(
                rows: heads * (latent.plainSize + latent.valueSize), columns: latent.keyValueRank)
        }
    }

    /// The norms over the latents: of queries, and of keys and values; nil where there is none.
    func latentNormTensors(block: Int) throws -> (query: TensorView?, keyValue: TensorView?) {
        guard let latent = configuration.latent, let names = architecture.latent else {
            return (nil, nil)
        }
        func find(_ name: String, _ size: Int) throws -> TensorView? {
            try normTensors(blockName(name, block), shape: [size]).weight
        }
        return (
            try latent.queryRank.flatMap { try find(names.queryNorm, $0) },
            try find(names.keyValueNorm, latent.keyValueRank)
        )
    }

    func readLatentNorms(block: Int, into norms: inout BlockNorms) throws {
        let (query, keyValue) = try latentNormTensors(block: block)
        let epsilon = architecture.latent?.normEpsilon
        norms.queryLatent = try query.map {
            try weights(of: [($0, nil)], kind: architecture.norm, epsilon: epsilon)
        }
        norms.keyValueLatent = try keyValue.map {
            try weights(of: [($0, nil)], kind: architecture.norm, epsilon: epsilon)
        }
    }
}

extension ModelConfiguration {
    /// The widest of what is made into keys and values of all heads at a time.
    var sharedWidth: Int {
        latent.map { numKeyValueHeads * ($0.plainSize + $0.valueSize) } ?? widestKeys
    }
}
