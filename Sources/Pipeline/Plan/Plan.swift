import Checkpoint
import Manifests
import Posix
import Pruning
import Reports
import Tensors
import Transformer

/// Everything about a job that is decided before anything is computed: see `Planner`.
package struct Plan: Sendable {
    /// One checkpoint to write.
    struct Output: Sendable {
        let path: String
        /// In `Plan.parent`.
        let name: String
        /// Among the job's, from 1.
        let number: Int
        let treatment: Treatment
        let sparsity: Double
        let overwrite: Bool
    }

    /// The job's.
    let id: String
    let manifest: Manifest
    let model: Model
    var outputs: [Output]
    /// How the blocks of each output were chosen; empty where nothing was.
    var choices: [ReportDocument.Choice] = []
    /// That holds all outputs, or will.
    let parent: Directory
    let calibration: TokenWindows?
    /// In place of a calibration.
    let known: StatisticsFile?
    let evaluation: Evaluation?
    let precision: Precision
    /// That the job may take; `memory` may have it take fewer.
    let threads: Int
    let memory: MemoryPlan
    /// Disk space that the job takes at most, in bytes: outputs with their statistics, and hidden
    /// states.
    let diskBytes: Int

    /// What a person should know of the inputs.
    var warnings: [String] { model.checkpoint.warnings }

    /// Blocks of the model.
    var blocks: Int { model.configuration.numHiddenLayers }

    /// - Throws: `ChangedInput` where a file that the job reads is not what it was.
    func checkInputs() throws { try model.checkpoint.inputs.check() }

    /// What a sweep does for an output.
    ///
    /// - Parameter sparsities: of its layers, where they differ.
    func lane(_ index: Int, _ sparsities: Survey.Sparsities) -> Lane {
        let output = outputs[index]
        let prune = manifest.prune
        return Lane(
            layers: output.treatment.layers, sparsity: output.sparsity,
            shapes: output.treatment.shapes, cut: output.treatment.blocks?.cut,
            experts: output.treatment.experts,
            allocated: sparsities,
            label: OutputLabel(
                method: prune.methods.count > 1 ? output.treatment.method.name : nil,
                sparsity: prune.sparsity.count > 1 ? output.sparsity : nil))
    }

    /// What a file of an output's statistics says of where they come from; nil where there are
    /// none.
    func origin(of output: Output) -> StatisticsFile.Origin? {
        if let known { return known.origin }
        guard let calibration else { return nil }
        return Planner.origin(manifest, model, calibration, output)
    }
}
