/// The hidden states that a sweep takes from block to block.
package struct SweepStates: Sendable {
    /// Of the calibration's windows, behind the pruned blocks where the sweep is sequential, else
    /// behind the dense ones; nil without a calibration, and when all blocks are done.
    var calibration: HiddenStates?
    /// Of the evaluation's sequences, behind the dense blocks.
    var dense: [HiddenStates]
    /// Of the same ones behind the pruned blocks of each lane: `[lanes][sequences]`.
    var pruned: [[HiddenStates]]

    /// Some of them by a name under which a snapshot keeps them.
    struct Named: Sendable {
        let name: String
        let states: HiddenStates
    }

    var namedCalibration: [Named] {
        calibration.map { [Named(name: "calibration", states: $0)] } ?? []
    }

    var namedDense: [Named] {
        dense.enumerated().map { Named(name: "dense.\($0)", states: $1) }
    }

    var namedPruned: [Named] {
        pruned.enumerated().flatMap { lane, sequences in
            sequences.enumerated().map { Named(name: "pruned.\(lane).\($0)", states: $1) }
        }
    }
}
