import Pipeline
import Posix
import TestSupport
import Testing

extension Workplace {
    /// Runs a job with one, two and three threads, and with just the memory that it needs, which
    /// has all of its states in a scratch file and one expert at a time: the weights are the same.
    ///
    /// - Parameter manifest: all but the model, the output and the limits. Outputs are `one`,
    ///   `two`, `three` and `tight`.
    func checkSameBits(_ manifest: String) throws {
        let error = #expect(throws: PlanError.self) {
            try run(manifest + "limits: {threads: 1, memory: 1MiB}\n")
        }
        guard case .memory(let needed, _) = try #require(error).reason else {
            Issue.record("\(error.debugDescription)")
            return
        }
        for (limits, output) in [
            ("threads: 1", "one"), ("threads: 2", "two"), ("threads: 3", "three"),
            ("threads: 1, memory: \(needed)", "tight"),
        ] { try run(manifest + "limits: {\(limits)}\n", output: output) }
        let bits = try readFile(self["one/model.safetensors"])
        for output in ["two", "three", "tight"] {
            #expect(try bits == readFile(self["\(output)/model.safetensors"]), "\(output)")
        }
    }
}
