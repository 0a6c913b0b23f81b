import Checkpoint
import Documents

extension Model {
    /// `config.json` of the model without some blocks.
    package func edit(_ config: Node, for cut: BlockCut) -> Node {
        let edited = ConfigCut(self, cut).edit(architecture.settings(config))
        return architecture.replacing(edited, in: config)
    }

    /// Why the family cannot do without these blocks, in words; nil where it can.
    package func obstacle(to cut: BlockCut) -> String? {
        if configuration.perLayerSize > 0 {
            return "each block has a part of the second embedding's table, in whose rows those of "
                + "all blocks stand side by side"
        }
        // A cache of transformers counts the tokens by such a block.
        if !cut.kept.contains(where: { configuration.mixers[$0] == .attention }) {
            return "no block that attends would be left"
        }
        let edited = edit(checkpoint.config, for: cut)
        let file = "\(checkpoint.directory)/config.json"
        do {
            let left = try ModelConfiguration(edited, architecture: architecture, file: file)
            return ConfigCut(self, cut).difference(in: left).map {
                "config.json cannot say \($0) once they are gone"
            }
        } catch {
            return "config.json cannot say what would be left: \(error)"
        }
    }

    /// What a tensor is called where some blocks are gone. Those behind all blocks, which predict
    /// further tokens, move with the number of blocks.
    package func name(_ tensor: String, without cut: BlockCut) -> String {
        let prefix = name("\(architecture.names.blocks).")
        guard tensor.hasPrefix(prefix) else { return tensor }
        let rest = tensor.dropFirst(prefix.count)
        let digits = rest.prefix { $0 != "." }
        guard let block = Int(digits), !cut.removes(block) else { return tensor }
        let gone = cut.removed.count { $0 < block }
        return "\(prefix)\(block - gone)\(rest.dropFirst(digits.count))"
    }

    /// Bytes of the keys and values that an engine keeps of one token, in the type in which the
    /// weights are stored: of the blocks that attend and have keys and values of their own.
    package func keyValueBytes(_ blocks: some Sequence<Int>) -> Int {
        let size = checkpoint.tensor(named: embeddingName)?.type.size ?? 2
        return blocks.reduce(0) { sum, block in
            let heads = configuration.heads[block]
            guard configuration.mixers[block] == .attention, heads.source == nil else {
                return sum
            }
            let features =
                configuration.latent.map { $0.keyValueRank + $0.rotatedSize }
                ?? heads.keyValues * (heads.dimension + heads.valueDimension)
            return sum + size * features
        }
    }

    /// Whether what is added to a block's feed-forward's last projection is added to the stream as
    /// it is, so that a linear map can be merged there; else why not.
    package func mergeObstacle(block: Int) -> String? {
        if isMixture(block) { return "the block before is a mixture of experts" }
        if architecture.names.feedForwardOutputNorm != nil || !configuration.normsBefore {
            return "a norm comes behind the feed-forward of the block before"
        }
        if architecture.names.blockScalar != nil || configuration.perLayerSize > 0 {
            return "more comes behind the feed-forward of the block before"
        }
        return nil
    }
}
