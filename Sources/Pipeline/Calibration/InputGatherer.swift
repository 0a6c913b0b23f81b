import Pruning
import Tensors
import Transformer

/// Gathers what a block's layers need of their inputs, while its calibration windows pass.
struct InputGatherer: Sendable {
    private let taps: [Tap: GatheredInput]

    init(_ needs: [Tap: InputNeeds], _ windows: TokenWindows) {
        let places = GatheredInput.Places(windows)
        taps = needs.mapValues { GatheredInput($0, places) }
    }

    /// Adds the input at a tap on a tile, `[rows of the tile, features]`, from any thread; each
    /// tile once. What nobody needs is left out.
    func add(_ tap: Tap, _ input: MatrixView, _ tile: Tile) { taps[tap]?.add(input, tile) }

    /// To be called once, when all tiles have passed.
    func finish() -> [Tap: Statistics] { taps.mapValues { $0.finish() } }
}
