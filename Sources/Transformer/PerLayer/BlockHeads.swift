import Tensors

/// The attention heads of a block.
package struct BlockHeads: Sendable, Hashable {
    package var queries: Int
    /// Each is shared by as many queries.
    package var keyValues: Int
    /// Elements of a head of queries and of keys.
    package var dimension: Int
    /// Elements of a head of values; nil: as many.
    package var ownValueDimension: Int?
    /// Values are the keys as they are before norm and rotation.
    package var valuesAreKeys = false
    /// The block whose keys and values are read in place of own ones; nil: it has its own.
    package var source: Int?

    /// Queries that share one head's keys and values.
    package var perGroup: Int { queries / keyValues }
    /// Features of the attention's output that belong to one key/value head.
    package var groupSize: Int { perGroup * valueDimension }
    /// Elements of a head of values.
    package var valueDimension: Int { ownValueDimension ?? dimension }
}

/// The keys and values that blocks leave for later ones: float32 beside the hidden states, as they
/// are multiplied, keys first.
package struct KeptKeyValues: Sendable, Hashable {
    /// Features of a token's; 0 where nothing is kept.
    package let width: Int
    /// Where each block's stand, its own or those that it reads; nil where it neither keeps nor
    /// reads any. `[num_hidden_layers]`
    let columns: [Range<Int>?]

    init(_ heads: [BlockHeads]) {
        var columns = [Range<Int>?](repeating: nil, count: heads.count)
        var width = 0
        for (block, own) in heads.enumerated() {
            guard let source = own.source else { continue }
            if columns[source] == nil {
                let next = width + 2 * heads[source].keyValues * heads[source].dimension
                columns[source] = width..<next
                width = next
            }
            columns[block] = columns[source]
        }
        self.columns = columns
        self.width = width
    }

    /// The columns of keys or of values that a block keeps or reads; nil: there are none.
    func columns(_ kind: KeyValues.Kind, block: Int) -> Range<Int>? {
        columns[block].map {
            let middle = $0.lowerBound + $0.count / 2
            return kind == .keys ? $0.lowerBound..<middle : middle..<$0.upperBound
        }
    }
}

/// A tile's rows of them.
struct KeptRows {
    /// `[rows, width]`
    let rows: MatrixView
    /// Whether the pass leaves what the block makes; another one only looks.
    let isWritten: Bool
}

extension ModelConfiguration {
    /// Of all blocks, for buffers.
    var widestQueries: Int { heads.reduce(0) { max($0, $1.queries * $1.dimension) } }
    var widestKeys: Int { heads.reduce(0) { max($0, $1.keyValues * $1.dimension) } }
    var widestValues: Int { heads.reduce(0) { max($0, $1.keyValues * $1.valueDimension) } }
    var widestOutput: Int { heads.reduce(0) { max($0, $1.keyValues * $1.groupSize) } }
    var widestHead: Int { heads.reduce(0) { max($0, $1.dimension, $1.valueDimension) } }

    /// `intermediate_size` of a block.
    package func intermediateSize(_ block: Int) -> Int {
        feedForwardFactor(block) * intermediateSize
    }

    /// How many times `intermediate_size` a block's feed-forward is wide.
    func feedForwardFactor(_ block: Int) -> Int {
        doublesFeedForward && heads[block].source != nil ? 2 : 1
    }
}

extension TileForward {
    /// The columns of keys, or of values, among what is kept of the block's tokens.
    private func part(_ kind: KeyValues.Kind, _ kept: KeptRows) -> MatrixView? {
        configuration.kept.columns(kind, block: block.index).map {
            kept.rows.part(rows: 0..<count, columns: $0)
        }
    }

    /// Takes over a tile's keys or values, `[rows, heads * head_dim]`, for this block and, where it
    /// keeps them, for later ones.
    func store(_ x: MatrixView, _ kind: KeyValues.Kind) {
        cache.store(
            x, kind, sequence: slot, at: tile.rows, dimension: heads.dimension)
        if let kept, kept.isWritten { part(kind, kept)?.copy(from: x) }
    }

    /// The tile's keys and values are those that an earlier block has kept.
    func takeKept() {
        guard let kept else { return }
        for kind in [KeyValues.Kind.keys, .values] {
            guard let x = part(kind, kept) else { continue }
            cache.store(x, kind, sequence: slot, at: tile.rows, dimension: heads.dimension)
        }
    }
}

extension Model {
    /// Whether a block has a layer of such a role.
    func has(_ role: Role, block: Int) -> Bool {
        if let mixer = role.mixer, mixer != configuration.mixers[block] { return false }
        let heads = configuration.heads[block]
        return switch role {
        case .query: configuration.latent == nil || configuration.latent?.queryRank == nil
        case .queryLatent, .queryFromLatent: configuration.latent?.queryRank != nil
        case .key: heads.source == nil
        case .value: heads.source == nil && !heads.valuesAreKeys
        // One that reads something else than the experts is no layer of its own.
        case .router: architecture.mixture?.beside == nil
        default: true
        }
    }
}
