import Tensors

extension Plan {
    /// Loads the library that solving methods need, so that its absence ends the job before
    /// anything is computed.
    /// - Throws: `PlanError`.
    func loadLibraries() throws {
        let layers = outputs.lazy.flatMap { $0.treatment.layers.joined() }
        let isMapped = outputs.contains { $0.treatment.blocks?.isMapped == true }
        guard isMapped || layers.contains(where: { $0.choice?.metric.solver != nil }) else {
            return
        }
        do {
            try LinearAlgebraLibrary.load(threads: memory.threads, beside: memory.bytes)
        } catch {
            throw PlanError(place: manifest.name, reason: .library(error.reason))
        }
    }
}
