import Pruning
import Tensors
import Transformer

/// Which sums are gathered of the input at one tap: mean, variance and norm in any case.
///
/// The memory plan counts by it what `InputGatherer` allocates by it.
struct InputNeeds: Sendable, Hashable {
    let features: Int
    /// A sketch of the inputs, on which errors are measured.
    private(set) var hasSketch = false
    /// Some of the inputs, on which the scales of rows are fitted.
    private(set) var hasSample = false
    /// The products of all features, for layers that are solved.
    private(set) var hasProducts = false
    /// What the dense model's layers read of the same tokens, beside all of these.
    private(set) var hasDense = false

    init(features: Int) { self.features = features }

    /// What is done to one of the layers that read this input.
    mutating func add(_ choice: Method.Choice) {
        hasSketch = true
        hasSample = hasSample || choice.compensation.fitsScale
        hasProducts = hasProducts || choice.metric.solver != nil
        hasDense = hasDense || choice.isAimed
    }

    /// What both need.
    mutating func add(_ other: InputNeeds) {
        hasSketch = hasSketch || other.hasSketch
        hasSample = hasSample || other.hasSample
        hasProducts = hasProducts || other.hasProducts
        hasDense = hasDense || other.hasDense
    }

    /// Of the taps of those layers to which something is done, all of one block.
    static func of(_ layers: some Sequence<LayerPlan>, _ model: Model) -> [Tap: InputNeeds] {
        layers.reduce(into: [:]) { needs, layer in
            guard let choice = layer.choice else { return }
            let features = model.shape(layer.key, block: layer.block).columns
            needs[layer.key.tap, default: InputNeeds(features: features)].add(choice)
        }
    }

    /// Mean, variance and norm of the taps of some layers of a block.
    static func sums(
        of layers: [LayerKey], block: Int, _ model: Model
    ) -> [Tap: InputNeeds] {
        layers.reduce(into: [:]) { needs, layer in
            needs[layer.tap] = InputNeeds(features: model.shape(layer, block: block).columns)
        }
    }

    /// What is gathered takes so much, beside the sums, in bytes.
    func bytes(_ amount: Amount, threads: Int) -> Int {
        var bytes = 0
        if hasSketch { bytes += InputSketch.bytes(groups: amount.groups, features: features) }
        if hasSample { bytes += 4 * amount.sampleRows * features }
        if hasProducts {
            bytes += CovarianceSum.bytes(
                features: features, rows: amount.tileRows, threads: threads)
        }
        if hasDense {
            bytes += InputSketch.bytes(groups: amount.groups, features: features)
            if hasSample { bytes += 4 * amount.sampleRows * features }
            bytes += CovarianceSum.bytes(
                features: features, rows: amount.tileRows, threads: threads, isCrossed: true)
            // What one is more than the other, for a moment.
            bytes += threads * 4 * amount.tileRows * features
        }
        return bytes
    }

    /// How much of a calibration is gathered.
    struct Amount: Sendable, Hashable {
        /// Tokens in an input's sample.
        let sampleRows: Int
        /// Of a sketch.
        let groups: Int
        /// Tokens that come at a time.
        let tileRows: Int

        /// Of so many tokens that are as one sequence.
        init(tokens: Int) {
            sampleRows = SampleRows(tokens: tokens).count
            groups = SignedGroups(windows: 1, length: tokens).count
            tileRows = min(tokens, Tile.size)
        }

        /// Of so many tokens or fewer, as one sequence: fewer can make more groups, and a larger
        /// sample.
        init(atMost tokens: Int) {
            sampleRows = min(tokens, SampleRows.most)
            groups = min(tokens, SignedGroups.most)
            tileRows = min(tokens, Tile.size)
        }

        /// - Parameter windows: nil: nothing is gathered.
        init(_ windows: TokenWindows?) {
            sampleRows = SampleRows(tokens: windows?.tokens.count ?? 0).count
            groups =
                windows.map { SignedGroups(windows: $0.count, length: $0.length).count } ?? 0
            tileRows = min(windows?.length ?? 0, Tile.size)
        }
    }
}
