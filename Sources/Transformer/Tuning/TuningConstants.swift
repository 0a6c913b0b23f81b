import Tensors

/// What a block reads beside its input, and what nothing that is tuned has a part in; nil where it
/// reads no such thing.
struct TuningConstants: Sendable {
    /// Another block's.
    var keys: Variable?
    var values: Variable?
    /// Its part of the second embedding.
    var perLayer: Variable?

    /// Makes them for some tokens.
    ///
    /// - Parameters:
    ///   - rows: of the variables.
    ///   - places: of the streams.
    /// - Throws: `CheckpointError` for NaN and infinity among what is looked up.
    func fill(
        _ rows: Range<Int>, _ places: Range<Int>, _ streams: TuningStreams, of block: Block,
        _ kept: KeptKeyValues, _ buffers: Lending<EndBuffers>
    ) throws {
        for (kind, variable) in [(KeyValues.Kind.keys, keys), (.values, values)] {
            guard let variable, let source = streams.kept,
                let columns = kept.columns(kind, block: block.index)
            else { continue }
            variable.value.rows(rows).copy(
                from: source.rows(places).part(rows: 0..<places.count, columns: columns))
        }
        if keys != nil { streams.kept?.release(places) }
        guard let perLayer, let input = block.end?.perLayer else { return }
        // They are another thread's as soon as nobody holds the loan.
        let loan = buffers.borrow()
        try withExtendedLifetime(loan) {
            try input.look(
                up: streams.tokens[places], into: perLayer.value.rows(rows), loan.buffers)
        }
    }
}
