import Checkpoint
import Posix
import Tensors
import TestSupport
import Testing

import Pipeline

/// Tokens and texts that do not fit the model or the manifest.
struct JobTextTests {
    private func store(
        _ place: Workplace, _ name: String, _ type: ElementType, _ shape: [Int], _ values: [Int32]
    ) throws {
        let bytes = values.flatMap { TestSupport.bytes($0) }
        try? removeTree(place["other.safetensors"])
        try SafetensorsFile.write(
            place["other.safetensors"], tensors: [(name, type, shape, bytes)])
    }

    private static let zeros = [Int32](repeating: 0, count: 128)

    @Test(arguments: [
        ("calibration", ElementType.uint32, [2, 64], "found U32"),
        ("calibration", .float32, [2, 64], "F32"), ("calibration", .int64, [1, 64], "I64"),
        ("calibration", .int32, [128], "[128]"), ("calibration", .int32, [2, 8, 8], "[2, 8, 8]"),
        ("tokens", .int32, [2, 64], "missing"), ("calibration", .int32, [0, 64], "empty"),
        ("calibration", .int32, [64, 0], "empty"),
    ])
    func calibrationOfAnotherForm_isRefused(
        _ name: String, _ type: ElementType, _ shape: [Int], _ text: String
    ) throws {
        let place = try Workplace()
        try store(
            place, name, type, shape, Array(Self.zeros.prefix(shape.reduce(type.size / 4, *))))
        let job = try place.job("calibration: {tokens: other.safetensors}\n")
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.exitCode == .data)
        let words = text.hasPrefix("found ") ? String(text.dropFirst(6)) : text
        #expect(error?.description.contains(words) == true)
        #expect(error?.description.contains("'calibration'") == true)
        #expect(error?.description.contains("int32 [samples, length]") == true || words == "empty")
        #expect(error?.description.contains("other.safetensors") == true)
    }

    @Test(arguments: [
        ([Int32(512)], "token 512 is outside"), ([-1], "token -1 is outside"),
        ([.max], "token 2147483647"), ([.min], "token -2147483648"),
    ])
    func tokensOfAnotherModel_areRefused(_ bad: [Int32], _ text: String) throws {
        let place = try Workplace()
        var tokens = Self.zeros
        tokens[100] = bad[0]
        for (name, section) in [("calibration", ""), ("evaluation", Workplace.calibration)] {
            try store(place, name, .int32, name == "calibration" ? [2, 64] : [128], tokens)
            let length = name == "calibration" ? "" : ", length: 64"
            let job = try place.job(
                section + "\(name): {tokens: other.safetensors\(length)}\n")
            let error = failure { try job.validate() }
            #expect(error?.exitCode == .data)
            #expect(error?.description.contains(text) == true)
            #expect(error?.description.contains("vocabulary of 512") == true)
        }
    }

    @Test func tokensThatAreNotThere_areSaid() throws {
        let place = try Workplace()
        let job = try place.job("calibration: {tokens: none.safetensors}\n")
        let error = failure { try job.validate() }
        #expect(error?.exitCode == .noInput)
        try writeFile(place["none.safetensors"], Array("text".utf8))
        let other = failure { try job.validate() }
        #expect(other?.exitCode == .data)
    }

    @Test func evaluationOfAnotherForm_isRefused() throws {
        let place = try Workplace()
        try store(place, "evaluation", .int32, [2, 64], Self.zeros)
        let job = try place.job(
            Workplace.calibration + "evaluation: {tokens: other.safetensors, length: 64}\n")
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.description.contains("int32 [tokens]") == true)
    }

    @Test(arguments: [
        ("length: 641", "has 640 tokens"), ("length: 64, windows: 11", "has 640 tokens"),
        ("length: 300", "more than the model's 256 positions"),
        // The product of the two is beyond an integer.
        ("length: 64, windows: 9223372036854775807", "has 640 tokens"),
        ("length: 9223372036854775807", "positions"),
    ])
    func evaluationThatIsTooShort_isSaid(_ settings: String, _ text: String) throws {
        let place = try Workplace()
        if settings == "length: 641" {
            try place.configure { $0.setting("max_position_embeddings", to: 1000) }
        }
        let job = try place.job(
            Workplace.calibration + "evaluation: {tokens: tokens.safetensors, \(settings)}\n")
        let error = failure { try job.validate() }
        #expect(error?.exitCode == .data)
        #expect(error?.description.contains(text) == true, "\(error.debugDescription)")
    }

    @Test func windows_limitWhatIsRead() throws {
        let place = try Workplace()
        try place.run(
            Workplace.calibration
                + "evaluation: {tokens: tokens.safetensors, length: 64, windows: 3}\n")
        #expect(try place.report()["perplexity"]?["tokens"]?.integer == 3 * 63)
    }

    @Test func text_isTokenised() throws {
        let place = try Workplace()
        try writeFile(place["model/tokenizer.json"], Array(Workplace.tokenizer.utf8))
        let text = String(repeating: "a b cab ", count: 100)
        try writeFile(place["some.txt"], Array(text.utf8))
        let settings = """
            calibration: {text: some.txt, samples: 4, length: 50, seed: 3}
            evaluation: {text: some.txt, length: 64}

            """
        try place.run(settings)
        let report = try place.report()
        #expect(report["calibration"]?["tokens"]?.integer == 200)
        #expect(report["calibration"]?["seed"]?.integer == 3)
        #expect(report["perplexity"]?["tokens"]?.integer == 12 * 63)
        // A document a line comes to the same where no special token stands between them.
        let lines = (0..<100).map { _ in #"{"text": "a b cab "}"# }.joined(separator: "\n")
        try writeFile(place["some.jsonl"], Array(lines.utf8))
        try place.run(settings.replacing("some.txt", with: "some.jsonl"), output: "lines")
        #expect(
            try readFile(place["lines/model.safetensors"])
                == readFile(place["out/model.safetensors"]))
        // Another seed draws other windows.
        try place.run(settings.replacing("seed: 3", with: "seed: 4"), output: "other")
        #expect(
            try readFile(place["other/model.safetensors"])
                != readFile(place["out/model.safetensors"]))
    }

    @Test(arguments: [
        ("samples: 4, length: 50", "has 8 tokens", 65),
        ("samples: 1, length: 9", "has 8 tokens", 65),
        ("samples: 9223372036854775807, length: 2", "has 8 tokens", 65),
        ("samples: 9223372036854775807, length: 9223372036854775807", "positions", 65),
        ("samples: 1, length: 257", "positions", 65),
    ])
    func textTooShort_saysHowMuchIsThere(
        _ settings: String, _ text: String, _ code: Int32
    ) throws {
        let place = try Workplace()
        try writeFile(place["model/tokenizer.json"], Array(Workplace.tokenizer.utf8))
        try writeFile(place["some.txt"], Array("a b cab ".utf8))
        let job = try place.job("calibration: {text: some.txt, \(settings)}\n")
        let error = failure { try job.validate() }
        #expect(error?.exitCode.rawValue == code)
        #expect(error?.description.contains(text) == true, "\(error.debugDescription)")
    }

    @Test func textWithoutTokenizer_isSaid() throws {
        let place = try Workplace()
        try writeFile(place["some.txt"], Array("a b c".utf8))
        let job = try place.job("calibration: {text: some.txt, length: 2}\n")
        let error = #expect(throws: PlanError.self) { try job.validate() }
        #expect(error?.reason == .noTokenizer && error?.exitCode == .noInput)
    }
}
