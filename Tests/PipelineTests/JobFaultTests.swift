import Glibc
import Posix
import Tensors
import Testing

import Pipeline

/// Broken models are refused before anything is computed, in one line that names the place.
struct JobFaultTests {
    @Test(
        "faults 30-40: a broken model is refused before anything is computed",
        arguments: BrokenModel.all)
    func brokenModel_isRefused(_ broken: BrokenModel) throws {
        let place = try Workplace()
        try broken.damage(place)
        let before = try place.entries()
        let job = try place.job(Workplace.calibration + Workplace.evaluation)
        let start = cpuSeconds()
        let error = failure { try job.validate() }
        // Of this thread, for others may be busy.
        #expect(cpuSeconds() - start < 1)
        let text = try #require(error).description
        #expect(error?.exitCode == broken.code, "\(text)")
        #expect(!text.contains("\n") && text.utf8.count < 1000, "\(text)")
        for word in broken.words { #expect(text.contains(word), "\(text)") }
        let again = failure {
            _ = try job.run(progress: { _ in }, isStopped: { false })
        }
        #expect(again?.description == text)
        #expect(try place.entries() == before)
    }

    /// Weights that are numbers, but too large to compute with.
    @Test(arguments: ["{}", "{scope: layer}", "{method: wanda, pattern: \"2:4\"}"])
    func overflow_isNoResult(_ prune: String) throws {
        let place = try Workplace()
        try place.store(
            place.tensors().map { tensor in
                guard tensor.name.hasSuffix("1.mlp.up_proj.weight") else { return tensor }
                let count = tensor.shape.reduce(1, *)
                let values = [Float](repeating: 1e38, count: count)
                return (tensor.name, tensor.type, tensor.shape, bytes(values, .float32))
            })
        let job = try place.job("prune: \(prune)\n" + Workplace.calibration)
        try job.validate()
        let error = #expect(throws: SweepError.self) {
            _ = try job.run(progress: { _ in }, isStopped: { false })
        }
        // The bias change of the layer itself, or else what the next one reads.
        let layer = prune.hasPrefix("{method") ? "down_proj" : "up_proj"
        #expect(error?.layer == "model.layers.1.mlp.\(layer)")
        #expect(error?.exitCode == .data)
        #expect(try place.entries() == ["model", "tokens.safetensors"])
    }

    private func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
