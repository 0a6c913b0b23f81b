import Documents
import Posix
import Testing

import Pipeline

/// How jobs share out the zeros among the layers of mixtures of experts.
struct MixtureAllocationTests {
    /// Against an independent computation with PyTorch: `Tests/Reference/structured.py`.
    @Test(arguments: MixtureChannelsTests.families, ["owl", "error"])
    func agreesWithReference(_ family: String, _ allocation: String) throws {
        let expected = try #require(MixtureChannelsTests.expected(family)[allocation]?.members)
        let place = try MixtureTests.place(family)
        // Of whole columns, so that no layer has to make up for them.
        let bounds = allocation == "owl" ? "[0, 0.95]" : "[0.375, 0.625]"
        try place.run(
            "prune: {allocation: \(allocation), method: wanda, sparsity: 0.5, bounds: \(bounds)}\n"
                + Workplace.calibration + "compute: {precision: float32}\n")
        let layers = try place.layers()
        #expect(layers.count == expected.count)
        for (name, node) in expected.map({ ($0.key, $0.value) }) {
            let layer = try #require(layers[name], "\(name)")
            let columns = Double(try #require(layer["columns"]?.integer))
            let asked = try #require(layer["sparsity_asked"]?.double)
            // Whole columns, and what earlier and larger layers were owed.
            #expect(abs(asked - (node.double ?? 0)) < 2 / columns, "\(name)")
        }
        #expect(Set(expected.compactMap(\.value.double)).count > 1)
    }

    /// Every output has the shares of its own sparsity, from one survey.
    @Test(arguments: [true, false])
    func list_isOneOutputEach(_ sequential: Bool) throws {
        let place = try MixtureTests.place("gpt_oss")
        for allocation in ["owl", "error"] {
            let rest =
                "overwrite: true\nprune: {allocation: \(allocation), sequential: \(sequential), "
            let end = "}\n" + Workplace.calibration + MixtureTests.evaluation
            try place.run("\(rest)method: [wanda, stade], sparsity: [0.4, 0.6]\(end)")
            for (method, sparsity) in [("wanda", "0.6"), ("stade", "0.4")] {
                try place.run(
                    "\(rest)method: \(method), sparsity: \(sparsity)\(end)", output: "single")
                #expect(
                    try readFile(place["out-\(method)-\(sparsity)/model.safetensors"])
                        == readFile(place["single/model.safetensors"]))
            }
        }
    }

    @Test(arguments: ["owl", "error"])
    func threads_giveTheSameBytes(_ allocation: String) throws {
        let place = try MixtureTests.place("deepseek_v3")
        for threads in [1, 3] {
            try place.run(
                "limits: {threads: \(threads)}\nprune: {allocation: \(allocation)}\n"
                    + Workplace.calibration + MixtureTests.evaluation, output: "out\(threads)")
        }
        #expect(
            try readFile(place["out3/model.safetensors"])
                == readFile(place["out1/model.safetensors"]))
    }

    /// From a file of statistics the same shares come without a pass, but not how much an expert is
    /// used.
    @Test func statisticsFile_givesTheSameShares() throws {
        let place = try MixtureTests.place("qwen3_moe")
        func prune(_ allocation: String) -> String {
            "prune: {allocation: \(allocation), method: stade, sequential: false}\n"
        }
        let known =
            "calibration: {statistics: first/stade-statistics.safetensors}\n"
            + "compute: {precision: float32}\n"
        try place.run(
            "statistics: true\n" + prune("owl") + Workplace.calibration + MixtureTests.evaluation,
            output: "first")
        try place.run(prune("owl") + known)
        #expect(
            try readFile(place["out/model.safetensors"])
                == readFile(place["first/model.safetensors"]))
        let error = failure { try place.run(prune("error") + known, output: "other") }
        #expect(error?.description.contains("how much each expert is used") == true)
    }
}
