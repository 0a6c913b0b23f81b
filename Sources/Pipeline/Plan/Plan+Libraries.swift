import Tensors

extension Plan {
    /// Loads the library that solving methods need, so that its absence ends the job before
    /// anything is computed.
    /// - Throws: `PlanError`.
    func loadLibraries() throws {
        let layers = outputs.lazy.flatMap { $0.treatment.layers.joined() }
        let isSolved = outputs.contains {
            $0.treatment.blocks?.isMapped == true || $0.treatment.experts?.score == .loss
        }
        guard isSolved || layers.contains(where: { $0.choice?.metric.solver != nil }) else {
            return
        }
        do {
            try LinearAlgebraLibrary.load(threads: memory.threads, beside: memory.bytes)
        } catch {
            throw PlanError(place: manifest.name, reason: .library(error.reason))
        }
    }
}
