import Checkpoint

/// What stands in a checkpoint for the first part of names, `model.`: the same, nothing, or what a
/// model of several kinds of input has there.
struct Prefix: Sendable {
    private let full: String
    private let actual: String

    init(_ checkpoint: Checkpoint, _ names: Architecture.Names) {
        let base = names.embedding.prefix { $0 != "." } + "."
        let signs = ["\(names.embedding).weight", "\(names.blocks).0."].map {
            $0.dropFirst(base.count)
        }
        full = String(base)
        let usual = names.prefixes.isEmpty ? [full] : names.prefixes
        actual =
            (usual + [""]).first { prefix in
                signs.contains { sign in
                    checkpoint.tensors.contains { $0.name.hasPrefix(prefix + sign) }
                }
            } ?? usual[0]
    }

    func name(_ name: String) -> String {
        name.hasPrefix(full) ? actual + name.dropFirst(full.count) : name
    }
}

extension Model {
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
        _ checkpoint: Checkpoint, _ names: Architecture.Names, _ prefix: Prefix,
        isTied: Bool
    ) throws(CheckpointError) -> (embedding: String, head: String, isStoredTwice: Bool) {
        let embedding = "\(prefix.name(names.embedding)).weight"
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
