import Pruning
import Tensors
import Transformer

/// Gathers what a block's layers need of their inputs, while its calibration windows pass.
struct InputGatherer: Sendable {
    private let taps: [Tap: GatheredInput]

    /// - Parameter dense: what the dense model's layers read of all tokens, `[tokens, features]`,
    ///   where that is needed.
    init(_ needs: [Tap: InputNeeds], _ windows: TokenWindows, dense: [Tap: Matrix] = [:]) {
        let places = GatheredInput.Places(windows)
        taps = needs.reduce(into: [:]) { taps, entry in
            taps[entry.key] = GatheredInput(entry.value, places, dense: dense[entry.key])
        }
    }

    /// Adds the input at a tap on a tile, `[rows of the tile, features]`, from any thread; each
    /// tile once. What nobody needs is left out.
    func add(_ tap: Tap, _ input: MatrixView, _ tile: Tile) { taps[tap]?.add(input, tile) }

    /// To be called once, when all tiles have passed.
    func finish() -> [Tap: Statistics] { taps.mapValues { $0.finish() } }
}
