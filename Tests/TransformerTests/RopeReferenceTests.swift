import Documents
import Posix
import Testing

import Transformer

/// Every rope setting that `Tests/Reference/rope.py` tried gives what transformers makes of it.
struct RopeReferenceTests {
    private static func cases() throws -> [Node] {
        let path = Fixtures.own("rope.json")
        return try #require(JSON.parse(readFile(path), file: path).array)
    }

    @Test func frequenciesAndFactor_areThoseOfTransformers() throws {
        var kinds: Set<String> = []
        var accepted = 0
        for item in try Self.cases() {
            let config = try #require(item["config"])
            let text = String(decoding: JSON.encode(config, indent: nil), as: UTF8.self)
            let family = try named(#require(config["model_type"]?.string))
            guard let frequencies = item["frequencies"]?.array?.compactMap(\.double),
                let factor = item["factor"]?.double
            else {
                #expect(throws: ModelError.self, "\(text)") { try configuration(config, family) }
                continue
            }
            let found: ModelConfiguration
            do {
                found = try configuration(config, family)
            } catch {
                // Shares of a head by layer type, or that no head is made of, are refused by name.
                Issue.record("\(error): \(text)")
                continue
            }
            accepted += 1
            kinds.insert(
                (config["rope_scaling"] ?? config["rope_parameters"])?["rope_type"]?.string ?? "")
            let mine = try #require(found.inverseFrequencies)
            #expect(mine.count == frequencies.count, "\(text)")
            for (mine, theirs) in zip(mine, frequencies) {
                #expect(
                    abs(Double(mine) - theirs) <= 4e-7 * theirs, "\(mine), not \(theirs): \(text)")
            }
            #expect(abs(Double(found.rotations[0]?.factor ?? 0) / factor - 1) < 1e-6, "\(text)")
        }
        #expect(accepted > 250)
        #expect(
            kinds.isSuperset(of: [
                "default", "linear", "dynamic", "yarn", "longrope", "llama3", "proportional",
            ]))
    }
}
