/// A part of a block's forward pass, between two of which the layers that read one input can be
/// pruned: what it leaves is what the pruned layers have made.
package enum BlockStep: Sendable, Hashable {
    /// Shows what the first layers read, and does nothing.
    case enter
    /// Makes the latents of queries, keys and values.
    case latents
    /// Up to what the output projection reads; side by side, the down projection's input, too.
    case mix
    /// The output projection, and what the feed-forward reads.
    case attend
    /// Up to what the down projection reads; of a mixture, where tokens go and what its shared
    /// expert makes.
    case feed
    /// The down projection and what comes behind it; of a mixture, the shared expert's.
    case end

    /// The inputs that a step shows first.
    package func taps(of model: Model) -> [Tap] {
        let isParallel = model.configuration.isParallel
        return switch self {
        case .enter: [Tap(.attention)] + (isParallel ? [Tap(.feedForward)] : [])
        case .latents: [Tap(.keyValueLatent), Tap(.queryLatent)]
        case .mix: [Tap(.output)] + (isParallel ? [Tap(.down)] : [])
        case .attend: [Tap(.feedForward)]
        case .feed: [Tap(.down)]
        case .end: []
        }
    }

    /// The steps of a model's blocks, in order.
    package static func all(of model: Model) -> [BlockStep] {
        let latents: [BlockStep] = model.configuration.latent == nil ? [] : [.latents]
        return [.enter] + latents
            + (model.configuration.isParallel ? [.mix, .end] : [.mix, .attend, .feed, .end])
    }

    /// Elements of a token that stand between two steps, beside its hidden state: what the mixer
    /// has made, and what the feed-forward has; one after the other in the same place where the
    /// first is used up before.
    package static func width(of model: Model) -> Int {
        let configuration = model.configuration
        let (mixed, fed) = (configuration.mixerWidth, configuration.widestFeedForward)
        let latent = configuration.latent.map {
            $0.keyValueRank + $0.rotatedSize + ($0.queryRank ?? 0)
        }
        return max(configuration.isParallel ? mixed + fed : max(mixed, fed), latent ?? 0)
    }
}
