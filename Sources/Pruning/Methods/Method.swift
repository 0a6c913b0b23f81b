/// How weights are judged and what is done for those that go: a metric for each layer, and the
/// compensation published with it. See CONTRIBUTING.md for how to add one.
package struct Method: Sendable {
    /// What a method may look at to choose for a layer.
    package struct Layer: Sendable, Hashable {
        /// Whether the layer reads the output of a normalisation.
        package var inputIsNormalised: Bool
        /// Whether its family, and the manifest, let it have a bias.
        package var carriesBias: Bool

        package init(inputIsNormalised: Bool, carriesBias: Bool) {
            self.inputIsNormalised = inputIsNormalised
            self.carriesBias = carriesBias
        }
    }

    /// What will be done to a layer, and why if it is not just what was asked for.
    package struct Choice: Sendable {
        package let metric: Metric
        package let compensation: Compensation
        package let reason: String?
        /// Whether the layer is solved towards what the dense model's makes of the dense stream.
        package var isAimed = false

        /// The same, solved towards such a target where it is solved.
        package func towards(_ target: Target) -> Choice {
            var choice = self
            choice.isAimed = target == .dense && metric.solver?.updates == true
            return choice
        }

        /// With more to the reason, where there is one.
        package func because(_ text: String?) -> Choice {
            guard let reason, let text else { return self }
            return Choice(
                metric: metric, compensation: compensation, reason: "\(reason); \(text)")
        }
    }

    /// What it looks at to choose what goes.
    package enum Input: Sendable, Hashable {
        /// Nothing but the weights.
        case weights
        /// Mean, variance and norm of each feature of the input.
        case sums
        /// The input's covariance, from which mask and weights are chosen together, row by row or
        /// column group by column group.
        case covariance
    }

    /// How it judges whole channels.
    package enum Channels: Sendable, Hashable {
        /// By the sum of what it gives their weights.
        case summed
        /// By what the layer loses when the others make up for them.
        case eliminated
        /// Not at all.
        case none
    }

    /// How it chooses whole blocks.
    package enum Blocks: Sendable, Hashable {
        /// By how far the stream behind them is from what a linear map makes of the one before.
        case mapped
        /// By the angle between the streams before and behind them.
        case cosine
        /// Not at all.
        case none
    }

    /// As in a manifest, e.g. `stade-w`.
    package let name: String
    /// One line for help texts.
    package let summary: String
    package let input: Input
    package let channels: Channels
    package let blocks: Blocks
    /// How it judges whole experts; nil: not at all.
    package let experts: ExpertScore?
    /// Whether it judges weights or channels; otherwise experts alone.
    package let judgesWeights: Bool
    /// Whether the seed decides what goes.
    package let isDrawn: Bool
    /// Metric and compensation as published.
    private let published: @Sendable (Layer) -> (Metric, Compensation)

    /// - Parameter published: with `input` of `.weights` without a compensation.
    package init(
        name: String, summary: String, input: Input = .sums, channels: Channels = .summed,
        blocks: Blocks = .none, experts: ExpertScore? = nil, judgesWeights: Bool = true,
        isDrawn: Bool = false,
        published: @escaping @Sendable (Layer) -> (Metric, Compensation)
    ) {
        self.name = name
        self.summary = summary
        self.input = input
        self.channels = channels
        self.blocks = blocks
        self.experts = experts
        self.judgesWeights = judgesWeights
        self.isDrawn = isDrawn
        self.published = published
    }

    /// Every method, in the order in which help texts list them.
    package static let all: [Method] = [
        auto, best, stade, stadeW, stadeStar, wanda, sparseGPT, sparseGPTMask, stadeOBS, magnitude,
        random, cosine, reap, frequency,
    ]

    package static func named(_ name: String) -> Method? { all.first { $0.name == name } }

    /// Resolves the method for one layer. `compensation` overrides the published one. Where it
    /// needs a bias that the layer cannot carry, `mean` becomes `none`, `affine` becomes `scale`
    /// and the metric what stands in for it.
    package func choose(for layer: Layer, compensation: Compensation?) -> Choice {
        let (metric, usual) = published(layer)
        let wanted = compensation ?? usual
        let isCarried = layer.carriesBias || !wanted.needsBias
        let judged = isCarried ? metric : metric.withoutBias
        let left = isCarried ? wanted : wanted.withoutBias
        // What it would have been with a bias: a method may look at that itself.
        var ideal = layer
        ideal.carriesBias = true
        let (idealMetric, idealUsual) = published(ideal)
        let idealCompensation = compensation ?? idealUsual
        guard idealMetric.name != judged.name || idealCompensation != left else {
            return Choice(metric: judged, compensation: left, reason: nil)
        }
        let change =
            idealMetric.name != judged.name
            ? "\(idealMetric.name) with \(idealCompensation.rawValue) became \(judged.name) with "
                + left.rawValue
            : "\(idealCompensation.rawValue) became \(left.rawValue)"
        return Choice(
            metric: judged, compensation: left,
            reason: "no bias can be carried here: \(change)")
    }

    /// Whether it chooses mask and weights together.
    package var isSolved: Bool { input == .covariance }

    /// Whether the weights that stay are solved for, where such a pattern goes.
    package func solvesWeights(_ pattern: Pattern) -> Bool {
        if pattern == .channels { return channels == .eliminated }
        if pattern == .experts { return false }
        let layer = Layer(inputIsNormalised: false, carriesBias: true)
        return choose(for: layer, compensation: nil).metric.solver?.updates == true
    }

    /// Whether any layer could need statistics of its input.
    package func needsStatistics(compensation: Compensation?) -> Bool {
        input != .weights || (compensation ?? .none) != .none
    }
}
