import Tensors

/// The hidden states that a sweep takes from block to block.
package struct SweepStates: Sendable {
    /// Of the calibration's windows, behind the pruned blocks where the sweep is sequential, else
    /// behind the dense ones; nil without a calibration, and when all blocks are done.
    var calibration: HiddenStates?
    /// Of the same windows behind the dense blocks, where a sequential sweep follows those, too;
    /// nil elsewhere, and when all blocks are done.
    var denseCalibration: HiddenStates?
    /// What stands between two steps of a block, a row for each of the calibration's tokens; nil
    /// where blocks are not pruned stage by stage.
    var between: Matrix?
    /// What a block has read of the calibration, `[tokens, hidden_size]`, where it is needed again
    /// after the steps; nil elsewhere.
    var entered: Matrix?
    /// Of the evaluation's sequences, behind the dense blocks.
    var dense: [HiddenStates]
    /// Of the same ones behind the pruned blocks of each lane: `[lanes][sequences]`.
    var pruned: [[HiddenStates]]

    /// Some of them by a name under which a snapshot keeps them.
    struct Named: Sendable {
        let name: String
        let states: HiddenStates
        /// What of them.
        let matrix: Matrix

        /// With what is kept beside them.
        static func all(_ name: String, _ states: HiddenStates) -> [Named] {
            let kept = states.kept.map { Named(name: "\(name).kept", states: states, matrix: $0) }
            return [Named(name: name, states: states, matrix: states.matrix)]
                + [kept].compactMap(\.self)
        }
    }

    /// All blocks are done.
    mutating func endCalibration() {
        calibration = nil
        denseCalibration = nil
        between = nil
        entered = nil
    }

    var namedCalibration: [Named] {
        calibration.map { Named.all("calibration", $0) } ?? []
    }

    var namedDenseCalibration: [Named] {
        denseCalibration.map { Named.all("calibration.dense", $0) } ?? []
    }

    var namedDense: [Named] {
        dense.enumerated().flatMap { Named.all("dense.\($0)", $1) }
    }

    var namedPruned: [Named] {
        pruned.enumerated().flatMap { lane, sequences in
            sequences.enumerated().flatMap { Named.all("pruned.\(lane).\($0)", $1) }
        }
    }
}
