import Pruning
import Transformer

/// What is gathered of experts' inputs takes, by how many tokens each of them serves.
///
/// The memory plan counts by it, and groups of experts are made by it once it is known where the
/// tokens go.
struct ExpertInputs {
    /// Of the calibration.
    let tokens: Int
    let threads: Int

    /// What all tokens of a block take as an expert's input, in bytes.
    func pooledBytes(_ needs: InputNeeds) -> Int {
        bytes(needs, InputNeeds.Amount(tokens: tokens))
    }

    /// - Parameter served: how many tokens go to the expert.
    /// - Returns: in bytes, for a tap of this stage. Where all tokens stand for few, their sums are
    ///   the same for all experts' first layers and are not counted here.
    func bytes(_ needs: InputNeeds, _ stage: Stage, served: Int) -> Int {
        if served >= needs.features { return bytes(needs, InputNeeds.Amount(tokens: served)) }
        return stage == .feedForward ? 0 : pooledBytes(needs)
    }

    /// The most that `bytes` can be, for any number of tokens.
    func mostBytes(_ needs: InputNeeds, _ stage: Stage) -> Int {
        if stage == .feedForward, tokens < needs.features { return 0 }
        return bytes(needs, InputNeeds.Amount(atMost: tokens))
    }

    private func bytes(_ needs: InputNeeds, _ amount: InputNeeds.Amount) -> Int {
        // The sums of the calibration's parts, too.
        tokens == 0 ? 0 : needs.bytes(amount, threads: threads) + 192 * needs.features
    }
}
