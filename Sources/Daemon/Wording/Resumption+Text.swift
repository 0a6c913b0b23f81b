import Pipeline

extension Resumption.Note {
    /// What a person should know of it; nil for what only machines follow.
    var text: String? {
        switch self {
        case .resumed(let block, let blocks): resumedText(block, blocks)
        case .refused(let reason): "starts from the beginning: \(reason)"
        case .failed(let reason): "no snapshot can be written, the job goes on: \(reason)"
        case .kept, .keeping: nil
        }
    }
}

/// For people, who count from 1: `resumed at block 20 of 30`.
package func resumedText(_ block: Int, _ blocks: Int) -> String {
    block < blocks
        ? "resumed at block \(block + 1) of \(blocks)"
        : "resumed after the last of \(blocks) blocks"
}
