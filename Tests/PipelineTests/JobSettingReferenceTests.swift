import Checkpoint
import Documents
import Posix
import Synchronization
import Tensors
import Testing

import Pipeline

/// Fixtures with other settings in `config.json` are as good as transformers finds them
/// (`Tests/Reference/settings.py`).
struct JobSettingReferenceTests {
    private static func cases() throws -> [Node] {
        let path = "\(Fixture.root)/settings.json"
        return try #require(JSON.parse(readFile(path), file: path).array)
    }

    private static let job = """
        prune: {method: magnitude, sparsity: 0}
        evaluation: {tokens: tokens.safetensors, length: 64, windows: 2}
        compute: {precision: float32}

        """

    @Test func perplexity_isThatOfTransformers() throws {
        let cases = try Self.cases()
        #expect(cases.count > 40)
        for item in cases {
            let place = try Workplace(try #require(item["family"]?.string))
            try place.configure { config in
                (item["settings"]?.members ?? []).reduce(config) {
                    $0.setting($1.key, to: $1.value)
                }
            }
            let kind = item["head"]?.string
            if let kind { try Self.addHead(place, kind) }
            try place.run(Self.job)
            let found = try #require(place.report()["perplexity"]?["dense"]?.double)
            let expected = try #require(item["perplexity"]?.double)
            #expect(abs(found / expected - 1) < 1e-5, "\(found), not \(expected): \(text(item))")
            guard kind != nil else { continue }
            // The output has what the model has, and computes with the same.
            #expect(try Set(place.checkpoint().tensorNames) == Set(place.tensors().map(\.name)))
            try place.run(Self.job, model: "out", output: "again")
            #expect(try place.report("again")["perplexity"]?["dense"]?.double == found)
        }
    }

    private static func addHead(_ place: Workplace, _ kind: String) throws {
        var tensors = try place.tensors()
        let index = try #require(tensors.firstIndex { $0.name == "model.embed_tokens.weight" })
        var head = tensors[index]
        head.name = "lm_head.weight"
        if kind == "differs" {
            let values = head.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
            head.bytes = bytes(values.map { 2 * $0 }, .float32)
            tensors.append(head)
        } else {
            tensors[index] = head
        }
        try place.store(tensors)
    }

    /// A sequence longer than the original length has the long factors from its first token on, one
    /// that is as long has the short ones.
    @Test(arguments: [(63, true), (64, false)])
    func longrope_goesByTheLength(_ original: Int, _ isLong: Bool) throws {
        let place = try Workplace("phi3")
        func perplexity(_ short: Double, _ long: Double, output: String) throws -> Double {
            let rope: Node = .object([
                "rope_type": "longrope",
                "short_factor": Node([Node](repeating: Node(short), count: 8)),
                "long_factor": Node([Node](repeating: Node(long), count: 8)),
                "partial_rotary_factor": 1.0,
            ])
            try place.configure {
                $0.setting("rope_scaling", to: rope)
                    .setting("original_max_position_embeddings", to: Node(original))
            }
            try place.run(Self.job, output: output)
            return try #require(place.report(output)["perplexity"]?["dense"]?.double)
        }
        let found = try perplexity(1.5, 3.5, output: "both")
        let (short, long) = (
            try perplexity(1.5, 1.5, output: "short"), try perplexity(3.5, 3.5, output: "long")
        )
        #expect(short != long)
        #expect(found == (isLong ? long : short))
    }

    /// What the model does not compute with goes along as it is: NaN in buffers, types that are no
    /// weights.
    @Test func unusedTensors_passThrough() throws {
        let place = try Workplace("gpt-neox")
        var extra: [Workplace.Tensor] = [
            (
                "gpt_neox.layers.0.attention.masked_bias", .float32, [],
                [0, 0, 0x80, 0xff]
            ), ("gpt_neox.layers.1.attention.bias", .bool, [1, 1, 2, 2], [1, 0, 1, 1]),
            ("other.nan", .bfloat16, [2], [0xc0, 0x7f, 0xc0, 0x7f]),
        ]
        for type in ElementType.allCases where !type.isWeight {
            extra.append(
                ("other.\(type.rawValue)", type, [8], [UInt8](repeating: 0xff, count: type.bits)))
        }
        try place.store(place.tensors() + extra)
        try place.job(Self.job).validate()
        try place.run(Self.job)
        let output = try place.checkpoint()
        for (name, type, shape, bytes) in extra {
            let tensor = try #require(output.tensor(named: name))
            #expect(tensor.type == type && tensor.shape == shape)
            #expect(Array(tensor.bytes) == bytes, "\(name)")
        }
        // Where it does compute with them, they are refused by name.
        let name = "gpt_neox.layers.1.mlp.dense_h_to_4h.bias"
        let tensors = try place.tensors().map { tensor in
            tensor.name == name
                ? (name, ElementType.float64, tensor.shape, tensor.bytes + tensor.bytes) : tensor
        }
        try place.store(tensors)
        let error = failure { try place.run(Self.job, output: "no") }
        #expect(error?.description.contains(name) == true)
        #expect(error?.description.contains("F64") == true)
    }

    /// A key that stands twice: its last value counts, and both user and report are told.
    @Test func repeatedKey_isTold() throws {
        let place = try Workplace()
        let text = String(decoding: try readFile(place["model/config.json"]), as: UTF8.self)
        try writeFile(
            place["model/config.json"],
            Array("{\"rms_norm_eps\": 3,\n\(text.drop { $0 != "{" }.dropFirst())".utf8))
        var job = try place.job(Self.job)
        let told = Lines()
        job.warned = { told.add($0) }
        try job.validate()
        _ = try job.run(progress: { _ in }, isStopped: { false })
        #expect(told.all.count == 2 && told.all[0].contains("'rms_norm_eps' stands there again"))
        #expect(try place.report()["warnings"]?.array?.count == 1)
        #expect(try readFile(place["out/config.json"]) == readFile(place["model/config.json"]))
        let plain = try Workplace()
        try plain.run(Self.job)
        #expect(
            try plain.report()["perplexity"]?["dense"]?.double
                == place.report()["perplexity"]?["dense"]?.double)
        #expect(try plain.report()["warnings"] == nil)
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func add(_ line: String) { lines.withLock { $0.append(line) } }
    }
}
