import Checkpoint

extension Model {
    /// `model.` where the names lack it, else nothing.
    static func droppedPrefix(_ checkpoint: Checkpoint, _ names: Architecture.Names) -> String {
        let base = names.embedding.prefix { $0 != "." } + "."
        let signs = ["\(names.embedding).weight", "\(names.blocks).0."]
        func isThere(_ start: Substring) -> Bool {
            checkpoint.tensors.contains { $0.name.hasPrefix(start) }
        }
        let isFull = signs.contains { isThere($0[...]) }
        let isBare = signs.contains { isThere($0.dropFirst(base.count)) }
        return !isFull && isBare ? String(base) : ""
    }

    /// The head's tensor under one of its names; the first where there is none.
    static func ownHeadName(_ checkpoint: Checkpoint, _ names: Architecture.Names) -> String {
        let names = names.heads.map { "\($0).weight" }
        return names.first { checkpoint.tensor(named: $0) != nil } ?? names[0]
    }

    /// Which tensors are the embedding table and the head.
    ///
    /// Where they are to be the same and the checkpoint has both, they are only if they are equal;
    /// where it has one, that is both. Source: `tie_weights` in `modeling_utils.py` of
    /// transformers.
    static func ends(
        _ checkpoint: Checkpoint, _ names: Architecture.Names, _ droppedPrefix: String,
        isTied: Bool
    ) throws(CheckpointError) -> (embedding: String, head: String, isStoredTwice: Bool) {
        let embedding = "\(name(names.embedding, droppedPrefix)).weight"
        let head = ownHeadName(checkpoint, names)
        guard isTied else { return (embedding, head, false) }
        switch (checkpoint.tensor(named: embedding), checkpoint.tensor(named: head)) {
        case (nil, .some): return (head, head, false)
        case (.some(let first), .some(let second)):
            let isEqual =
                first.type == second.type && first.shape == second.shape
                && first.hasBytes(of: second)
            return (embedding, isEqual ? embedding : head, isEqual)
        default: return (embedding, embedding, false)
        }
    }
}

extension TensorView {
    /// Whether both are the same byte by byte; their memory is given back.
    fileprivate func hasBytes(of other: TensorView) -> Bool {
        guard bytes.count == other.bytes.count else { return false }
        for start in stride(from: 0, to: bytes.count, by: 1 << 22) {
            let part = start..<min(start + 1 << 22, bytes.count)
            populate(part)
            other.populate(part)
            defer {
                release(part)
                other.release(part)
            }
            if !bytes[part].elementsEqual(other.bytes[part]) { return false }
        }
        return true
    }
}
