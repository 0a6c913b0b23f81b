import Documents
import Manifests
import Posix
import Pruning
import TestSupport
import Testing

@Suite struct ManifestTests {
    private func read(_ text: String, file: String = "m.yaml") throws -> Manifest {
        try Manifest.read(Array(text.utf8), file: file)
    }

    /// The error about a manifest that must not be read.
    private func refusal(_ bytes: [UInt8]) throws -> DocumentError {
        try #require(throws: DocumentError.self) { try Manifest.read(bytes, file: "m.yaml") }
    }

    @Test func brokenManifestsAreThere() { #expect(BrokenManifest.all.count > 80) }

    @Test(
        "faults 1, 3-5, 11-13, 15-19: a broken manifest is refused with its place",
        arguments: BrokenManifest.all) func read_whenBroken(_ broken: BrokenManifest) throws
    {
        let error = try refusal(broken.bytes)
        let position = try #require(error.position)
        #expect("\(position.line):\(position.column)" == broken.place, "\(error)")
        #expect(!broken.words.isEmpty)
        for words in broken.words { #expect(error.reason.contains(words), "\(error)") }
        #expect(error.exitCode == .configuration)
        #expect(error.description.hasPrefix("m.yaml:\(broken.place): "))
        #expect(!error.description.contains("\n") && error.description.utf8.count < 400)
    }

    @Test(
        "fault 2: an alias bomb as a key is refused at once",
        arguments: [
            "alias-bomb-as-key.yaml", "alias-bomb.yaml",
        ]) func read_whenABomb(_ name: String) throws
    {
        let bomb = try #require(BrokenManifest.all.first { $0.name == name })
        let time = try ContinuousClock().measure { _ = try refusal(bomb.bytes) }
        #expect(time < .milliseconds(100))
    }

    @Test func read_theDocumentedManifest() throws {
        let manifest = try read(Documented.manifest)
        #expect(manifest.name == "smollm2-half")
        #expect(manifest.model == "models/SmolLM2-135M")
        #expect(manifest.output == "out/SmolLM2-135M-stade50")
        #expect(!manifest.overwrite && !manifest.statistics && manifest.priority == 0)
        #expect(manifest.prune.methods.map(\.name) == ["auto"])
        #expect(manifest.prune.sparsity == [0.5] && manifest.prune.pattern == .unstructured)
        #expect(manifest.prune.compensation == nil && manifest.prune.scope == .row)
        #expect(manifest.prune.targets == [".*"] && manifest.prune.ignore == ["lm_head"])
        #expect(manifest.prune.sequential && manifest.prune.bias == .auto)
        let calibration = try #require(manifest.calibration)
        #expect(calibration.source == .text("data/calibration.txt"))
        #expect(calibration.samples == 128 && calibration.length == 2048 && calibration.seed == 0)
        let evaluation = try #require(manifest.evaluation)
        #expect(evaluation.source == .text("data/wiki.test.raw"))
        #expect(evaluation.length == 2048 && evaluation.windows == nil)
        #expect(evaluation.choices == "data/questions.jsonl")
        #expect(manifest.precision == .auto)
        #expect(manifest.limits.threads == 2 && manifest.limits.memory == 4 << 30)
        #expect(manifest.limits.time == 7200)
    }

    @Test func read_everyKeyIsHeard() throws {
        let manifest = try read(
            """
            %YAML 1.2
            ---
            {version: 1, name: "é", model: /m, output: /o, overwrite: true, priority: -7,
             statistics: TRUE, prune: {method: random, sparsity: [0, 0.25, 5e-1],
             compensation: affine, scope: layer, targets: ['a.*', 'b'], ignore: [],
             sequential: false, bias: native}, calibration: {tokens: t, samples: 1, length: 1,
             seed: 9223372036854775807}, evaluation: {tokens: e, length: 2, windows: 3, choices: q},
             compute: {precision: bfloat16}, limits: {threads: 0x10, memory: 12345, time: 1d}}
            ...
            """)
        #expect(manifest.name == "é" && manifest.model == "/m" && manifest.output == "/o")
        #expect(manifest.overwrite && manifest.statistics && manifest.priority == -7)
        #expect(
            manifest.prune.methods.map(\.name) == ["random"]
                && manifest.prune.sparsity == [0, 0.25, 0.5])
        #expect(manifest.prune.compensation == .affine && manifest.prune.scope == .layer)
        #expect(manifest.prune.targets == ["a.*", "b"] && manifest.prune.ignore == [])
        #expect(!manifest.prune.sequential && manifest.prune.bias == .native)
        let calibration = try #require(manifest.calibration)
        #expect(calibration.source == .tokens("t") && calibration.seed == 9_223_372_036_854_775_807)
        #expect(calibration.samples == 1 && calibration.length == 1)
        let evaluation = try #require(manifest.evaluation)
        #expect(evaluation.source == .tokens("e") && evaluation.windows == 3)
        #expect(evaluation.choices == "q")
        #expect(manifest.precision == .bfloat16)
        #expect(manifest.limits.threads == 16 && manifest.limits.memory == 12345)
        #expect(manifest.limits.time == 86400)
    }

    @Test func read_questionsAlone() throws {
        let manifest = try read(
            """
            version: 1
            model: m
            output: o
            prune: {method: magnitude}
            evaluation: {choices: q.jsonl.gz}
            """)
        let evaluation = try #require(manifest.evaluation)
        #expect(evaluation.source == nil && evaluation.choices == "q.jsonl.gz")
    }

    @Test(arguments: [
        ("2:4", 0.5), ("1:4", 0.75), ("'4:8'", 0.5), ("1:3", 2.0 / 3),
    ]) func read_aPatternBringsItsSparsity(_ pattern: String, _ sparsity: Double) throws {
        for given in ["", ", sparsity: \(sparsity)", ", sparsity: [\(sparsity)]"] {
            let manifest = try read(
                """
                version: 1
                model: m
                output: o
                prune: {method: magnitude, pattern: \(pattern)\(given)}
                """)
            #expect(manifest.prune.sparsity.count == 1)
            #expect(abs(manifest.prune.sparsity[0] - sparsity) < 1e-12)
        }
    }

    @Test(arguments: Method.all.map(\.name)) func read_everyMethod(_ method: String) throws {
        let found = try #require(Method.named(method))
        let pattern =
            !found.removesWeights ? "blocks" : !found.judgesWeights ? "experts" : "unstructured"
        let manifest = try read(
            """
            version: 1
            model: m
            output: o
            prune: {method: \(method), pattern: \(pattern), sparsity: 0.5}
            calibration: {text: t}
            """)
        #expect(manifest.prune.methods.map(\.name) == [method])
    }

    @Test func read_aListOfMethods() throws {
        let manifest = try read(
            """
            version: 1
            model: m
            output: o
            prune: {method: [magnitude, random], sparsity: [0.3, 0.5, 0.7]}
            """)
        #expect(manifest.prune.methods.map(\.name) == ["magnitude", "random"])
        #expect(manifest.prune.outputs == 6)
        // A pattern leaves one sparsity to each method.
        let groups = try read(
            """
            version: 1
            model: m
            output: o
            prune: {method: [magnitude, random], pattern: 2:4}
            """)
        #expect(groups.prune.outputs == 2)
    }

    @Test func read_allocation() throws {
        let manifest = try read(
            """
            version: 1
            model: m
            output: o
            prune: {allocation: owl, sparsity: [0.4, 0.6], bounds: [0.3, 0.7]}
            calibration: {statistics: s}
            """)
        #expect(manifest.prune.allocation == .owl && manifest.prune.bounds == 0.3...0.7)
        #expect(manifest.knownStatistics == "s" && manifest.calibration == nil)
        #expect(!manifest.prune.sequential)
    }

    @Test func read_tooManyOutputs() throws {
        let shares = (0..<40).map { "0.\(10 + $0)" }.joined(separator: ", ")
        let error = try refusal(
            Array(
                """
                version: 1
                model: m
                output: o
                prune: {method: [wanda, stade, auto], sparsity: [\(shares)]}
                """.utf8))
        #expect(error.reason.contains("at most 100 outputs, one for each of the 3 methods"))
    }

    @Test(arguments: [
        ("in/half.yaml", "half"), ("half.yml", "half"), ("/a/b/half", "half"), (".yaml", ".yaml"),
        ("a\u{1b}.yaml", "a\\u{1b}"),
    ]) func read_theFileGivesTheName(_ file: String, _ name: String) throws {
        let manifest = try read(
            "version: 1\nmodel: m\noutput: o\nprune: {method: random}\n", file: file)
        #expect(manifest.name == name)
        #expect(manifest.calibration == nil)
    }

    @Test("fault 6: a byte order mark is accepted") func read_skipsAByteOrderMark() throws {
        #expect(try read("\u{FEFF}" + Documented.manifest).name == "smollm2-half")
    }

    @Test("fault 7: UTF-16 is refused", arguments: [true, false]) func read_utf16(
        _ isBigEndian: Bool
    ) throws {
        var bytes: [UInt8] = []
        for unit in ("\u{FEFF}" + Documented.manifest).utf16 {
            let pair = [UInt8(unit >> 8), UInt8(unit & 0xFF)]
            bytes += isBigEndian ? pair : pair.reversed()
        }
        #expect(
            try refusal(bytes).description == "m.yaml:1:1: found UTF-16; expected text in UTF-8")
        #expect(try refusal(Array(bytes.dropFirst(2))).reason.contains("a NUL byte"))
    }

    @Test("faults 8, 9, 11: NUL, other encodings, nothing at all") func read_bytesThatAreNoText()
        throws
    {
        let manifest = Array("version: 1\nmodel: a".utf8)
        let nul = try refusal(manifest + [0])
        #expect(nul.description == "m.yaml:2:9: found a NUL byte; expected text in UTF-8")
        let latin = try refusal(manifest + [0xE9, 0x0A])
        #expect(latin.reason.contains("found the byte 0xE9, which is not UTF-8"))
        #expect(latin.position == Node.Position(line: 2, column: 9))
        let bell = try refusal(manifest + [7, 0x0A])
        #expect(bell.reason.contains("a control character"))
        #expect(bell.position == Node.Position(line: 2, column: 9))
        #expect(try refusal([]).reason.contains("found nothing"))
    }

    @Test func read_tooLarge() throws {
        let comment = [UInt8](repeating: UInt8(ascii: "#"), count: YAML.maximumBytes + 1)
        #expect(try refusal(comment).reason == "found 1048577 bytes; expected at most 1048576")
    }

    @Test(arguments: [
        ([String(repeating: "(", count: 1000)], "'parse depth limit over'"),
        ([String(repeating: "a", count: 1001)], "an expression of at most 1000 bytes"),
        (Array(repeating: String(repeating: "a?", count: 400), count: 100), "65536 bytes in all"),
    ]) func read_hugeExpressions(_ expressions: [String], _ words: String) throws {
        let list = expressions.map { "'\($0)'" }.joined(separator: ", ")
        let error = try refusal(
            Array("version: 1\nmodel: m\noutput: o\nprune: {targets: [\(list)]}".utf8))
        #expect(error.reason.contains(words), "\(error)")
    }

    /// As large as a manifest may be, and made to be slow.
    @Test(arguments: [
        "[", "{", "[{", "- ", "? ", "a: ", "{a: ", "*a ", "&a ", "\"", "'", "!", "%", "a\n",
    ])
    func read_aHugeHostileManifest(_ piece: String) throws {
        let count = YAML.maximumBytes / piece.utf8.count
        let bytes = Array(String(repeating: piece, count: count).utf8)
        let time = try ContinuousClock().measure { _ = try refusal(bytes) }
        #expect(time < .seconds(5), "\(time)")
    }

    /// No prefix of a manifest crashes, and every refusal has a place.
    @Test("fault 14: what was cut short is refused") func read_truncated() throws {
        let bytes = Array(Documented.manifest.utf8)
        var refused = 0
        for length in bytes.indices {
            do {
                _ = try Manifest.read(Array(bytes[..<length]), file: "m.yaml")
            } catch {
                refused += 1
                #expect(error.position != nil)
            }
        }
        #expect(refused > bytes.count / 4)
    }

    /// Damage never crashes, and what is refused is refused with one line.
    @Test(arguments: 0..<20) func read_damaged(seed: UInt64) {
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        let alphabet = Array("\t\n :-#&*!%@`[]{},?|>'\"\\0aé\u{0}".utf8) + [0xFF]
        for _ in 0..<40 {
            var bytes = Array(Documented.manifest.utf8)
            for _ in 0..<3 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] = alphabet[Int(state >> 17) % alphabet.count]
            }
            do {
                _ = try Manifest.read(bytes, file: "m.yaml")
            } catch {
                #expect(!error.description.contains("\n"))
            }
        }
    }

    @Test(arguments: files(in: sourcePath("etc/examples"))) func read_anExample(_ file: String)
        throws
    {
        let manifest = try Manifest.read(readFile(file), file: file)
        #expect(manifest.calibration != nil || manifest.knownStatistics != nil)
    }

    @Test func examplesAreThere() { #expect(files(in: sourcePath("etc/examples")).count >= 4) }
}
