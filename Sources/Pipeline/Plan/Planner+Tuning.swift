import Manifests
import Transformer

extension Planner {
    /// - Throws: `PlanError` where there are too few windows to hold one out.
    static func checkTuning(_ calibration: TokenWindows?, _ manifest: Manifest) throws {
        guard manifest.prune.tuning != nil, let calibration, calibration.count < 2 else { return }
        throw PlanError(
            place: manifest.name,
            reason: .tuning(
                "one window in \(WindowSplit.share) is held out, and the calibration has only one: "
                    + "give at least 2 samples"))
    }
}
