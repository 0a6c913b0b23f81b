import Documents
import Posix
import Testing

import Pipeline

/// Which layers and tokens a manifest asks for: what is not there, or would not be heard, is said.
struct JobSelectionTests {
    @Test(arguments: [
        ("targets", "qproj", "did you mean 'q_proj'?"),
        ("targets", #"mlp\.down_porj$"#, "did you mean 'mlp.down_proj'?"),
        ("targets", #"layers\.7\."#, "; Layers are named like model.layers.0."),
        ("ignore", "self_atn", "did you mean 'self_attn'?"),
        ("ignore", "lm_haed", "did you mean 'lm_head'?"),
        ("ignore", #"layers\.3\."#, "blocks 0 to 2"),
    ])
    func expressionThatIsFoundNowhere_isRefused(
        _ key: String, _ expression: String, _ words: String
    ) throws {
        let place = try Workplace()
        // Another that is found does not hide it.
        let job = try place.job(
            "prune: {\(key): [down_proj, '\(expression)']}\n" + Workplace.calibration)
        let error = #expect(throws: PlanError.self) { try job.validate() }
        let text = try #require(error).description
        #expect(error?.exitCode == .configuration)
        #expect(text.contains("prune.\(key) ") && text.contains(expression), "\(text)")
        #expect(text.contains(words), "\(text)")
    }

    @Test(arguments: ["lm_head", "embed_tokens", "layernorm"])
    func whatIsNeverPruned_mayBeIgnored_butNotTargeted(_ expression: String) throws {
        let place = try Workplace()
        try place.job("prune: {ignore: [\(expression)]}\n" + Workplace.calibration).validate()
        let job = try place.job("prune: {targets: [\(expression)]}\n" + Workplace.calibration)
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.reason == .notPruned(expression: expression))
        #expect(error?.description.contains("never pruned") == true)
    }

    /// It is what `ignore` has by default, whatever the head is called.
    @Test(arguments: Fixture.families)
    func head_mayBeIgnored(_ family: String) throws {
        let place = try Workplace(family)
        try place.job("prune: {ignore: [lm_head]}\n" + Workplace.calibration).validate()
    }

    @Test(arguments: ["targets", "ignore"])
    func prefixOfAnotherProgram_isRefusedWithItsPlace(_ key: String) throws {
        let place = try Workplace()
        let error = failure {
            try place.job(
                "prune:\n  \(key):\n    - down_proj\n    - 're:.*mlp'\n" + Workplace.calibration
            ).validate()
        }
        let text = error?.description ?? ""
        #expect(text.hasPrefix("test.yaml:7:7: ") && text.contains("'prune.\(key)'"), "\(text)")
        #expect(text.contains("without 're:'") && error?.exitCode == .configuration, "\(text)")
    }

    /// The file has 6 sequences of 64 tokens.
    @Test(arguments: [
        ("samples: 5", "samples", 5, 6), ("length: 32", "length", 32, 64),
        ("samples: 6, length: 65", "length", 65, 64),
        ("samples: 9223372036854775807, length: 64", "samples", Int.max, 6),
    ])
    func calibrationThatDisagreesWithItsTokens_isRefused(
        _ settings: String, _ key: String, _ asked: Int, _ found: Int
    ) throws {
        let place = try Workplace()
        let job = try place.job("calibration: {tokens: tokens.safetensors, \(settings)}\n")
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.reason == .disagrees(key: key, asked: asked, found: found))
        #expect(error?.place == place["tokens.safetensors"] && error?.exitCode == .configuration)
        #expect(error?.description.contains("calibration.\(key) is \(asked)") == true)
    }

    @Test(arguments: ["samples: 6", "length: 64", "samples: 6, length: 64"])
    func calibrationThatAgreesWithItsTokens_isAccepted(_ settings: String) throws {
        let place = try Workplace()
        try place.job("calibration: {tokens: tokens.safetensors, \(settings)}\n").validate()
    }

    /// All sequences are used; only method `random` draws anything else.
    @Test func seedBesideTokens_isRefusedWhereNothingIsDrawn() throws {
        let place = try Workplace()
        let settings = "calibration: {tokens: tokens.safetensors, seed: 3}\n"
        for prune in ["", "prune: {method: [wanda, magnitude]}\n"] {
            let error = failure { try place.job(prune + settings).validate() }
            #expect(
                error?.description.hasPrefix("test.yaml:\(prune.isEmpty ? 4 : 5):") == true)
            #expect(error?.description.contains("'calibration.seed'") == true)
            #expect(error?.exitCode == .configuration)
        }
        try place.job("prune: {method: [wanda, random]}\n" + settings).validate()
    }
}
