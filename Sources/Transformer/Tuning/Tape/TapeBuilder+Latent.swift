import Tensors

extension TapeBuilder {
    /// Queries, keys and values of all heads that are made of latents. x: what attention reads.
    ///
    /// The same as `TileForward.queries` and `keysAndValues` of latents.
    mutating func latentHeadInputs(
        _ x: Variable, _ latent: LatentConfiguration
    ) -> (query: Variable, key: Variable, value: Variable)? {
        guard let query = latentQueries(x, latent), let joint = project(.keyValueLatent, x) else {
            return nil
        }
        rotate(query, plain: latent.plainSize, rotated: latent.rotatedSize)
        let (raw, rotated) = (variable(latent.keyValueRank), variable(latent.rotatedSize))
        let jointUse = use(joint)
        let parts = [[0..<latent.keyValueRank], [latent.keyValueRank..<joint.width]]
        add { _ in SplitOperation(input: jointUse, parts: parts, outputs: [raw, rotated]) }
        rotate(rotated, plain: 0, rotated: latent.rotatedSize)
        guard let expanded = project(.keyValueFromLatent, norm(.keyValueLatent, raw)) else {
            return nil
        }
        let heads = shape.keyValueHeads
        let key = variable(heads * latent.headDim)
        let value = variable(heads * latent.valueSize)
        let uses = (expanded: use(expanded), rotated: use(rotated))
        add { _ in
            LatentOperation(
                latent: latent, heads: heads, expanded: uses.expanded, rotated: uses.rotated,
                key: key, value: value)
        }
        return (query, key, value)
    }

    private mutating func latentQueries(
        _ x: Variable, _ latent: LatentConfiguration
    ) -> Variable? {
        if latent.queryRank == nil { return project(.query, x) }
        guard let compressed = project(.queryLatent, x) else { return nil }
        return project(.queryFromLatent, norm(.queryLatent, compressed))
    }
}
