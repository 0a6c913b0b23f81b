import Pruning
import Tensors
import Transformer

/// How a job keeps within its memory: hidden states in memory or in a scratch file, and how many
/// threads run at once.
package struct MemoryPlan: Sendable, Hashable {
    /// What the job will take at most, in bytes, estimated from the shapes.
    package let bytes: Int
    package let usesScratchFile: Bool
    /// At most `limits.threads`; fewer where each thread's buffers would not fit.
    package let threads: Int

    /// The program itself, tokens, tables and what the allocator keeps, in bytes.
    private static let base = 96 << 20

    /// - Parameter outputs: how many are computed in one sweep.
    /// - Throws: `PlanError.memory` where even one thread with a scratch file does not fit.
    init(
        model: Model, layers: [[LayerPlan]], outputs: Int, calibration: TokenWindows?,
        evaluation: TokenWindows?, precision: Precision, threads: Int, limit: Int, place: String
    ) throws {
        let length = max(calibration?.length ?? 0, evaluation?.length ?? 0)
        let width = 4 * model.configuration.hiddenSize
        let calibrationTokens = calibration?.tokens.count ?? 0
        // The dense and the pruned models' evaluations go side by side.
        let states = (calibrationTokens + (1 + outputs) * (evaluation?.tokens.count ?? 0)) * width
        let compared =
            Sweep.comparedSequences(calibration) * (calibration?.length ?? 0) * width
        let plans = layers.joined().filter { $0.choice != nil }
        let largest = plans.map { model.shape($0.role).reduce(1, *) }.max() ?? 0
        let rows = SampleRows(tokens: calibrationTokens).count
        let sampled = Dictionary(
            plans.filter { $0.choice?.compensation.needsSample == true }
                .map { ($0.role.tap, model.shape($0.role)[1]) }, uniquingKeysWith: max)
        let widest = sampled.values.max() ?? 0
        let samples = 4 * rows * (sampled.values.reduce(0, +) + widest)
        // Masks, their encoded weights and the widest tensor's copy.
        let pruning = largest * 8
        let fixed =
            Self.base + model.blockBytes(input: precision.input) + compared + samples + pruning
            + (calibrationTokens + (evaluation?.tokens.count ?? 0)) * 8
        func total(_ threads: Int, inMemory: Bool) -> Int {
            let running = Forward.bytes(
                model, length: length,
                sequences: max(calibration?.count ?? 0, evaluation?.count ?? 0),
                input: precision.input, threads: threads)
            let fitting = sampled.isEmpty ? 0 : threads * 4 * 64 * (widest + 2 * rows)
            let head = evaluation == nil ? 0 : model.headBytes(threads: threads)
            return fixed + max(running, fitting, head) + (inMemory ? states : 0)
        }
        for inMemory in [true, false] {
            for count in [threads, max(1, threads / 2), 1] {
                let bytes = total(count, inMemory: inMemory)
                if bytes <= limit {
                    self.bytes = bytes
                    self.threads = count
                    usesScratchFile = !inMemory
                    return
                }
            }
        }
        throw PlanError(
            place: place,
            reason: .memory(needed: total(1, inMemory: false), allowed: limit))
    }
}
