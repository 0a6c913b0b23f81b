import Documents
import Glibc
import Testing

import Transformer

/// Frequencies from both forms of the configuration, against their definitions.
struct RotaryTests {
    private static let least: Node = .object([
        "vocab_size": 100, "hidden_size": 256, "intermediate_size": 128, "num_hidden_layers": 1,
        "num_attention_heads": 4,
    ])

    private func frequencies(_ settings: [(String, Node)]) throws -> [Float] {
        let config = settings.reduce(Self.least) { $0.setting($1.0, to: $1.1) }
        return try #require(configuration(config, Architecture.llama).inverseFrequencies)
    }

    private static let llama3: [(String, Node)] = [
        ("rope_type", "llama3"), ("factor", 8.0), ("low_freq_factor", 1.0),
        ("high_freq_factor", 4.0), ("original_max_position_embeddings", 128),
    ]

    @Test func oldAndNewForm_areTheSame() throws {
        for theta in [10000.0, 500000.0, 1e6] {
            let old = try frequencies([("rope_theta", Node(theta))])
            #expect(
                try frequencies([("rope_parameters", .object(["rope_theta": Node(theta)]))])
                    == old)
            let parameters: Node = .object(["rope_theta": Node(theta), "rope_type": "default"])
            #expect(try frequencies([("rope_parameters", parameters)]) == old)
            // The top's counts where the object has none.
            #expect(
                try frequencies([
                    ("rope_parameters", .object(["rope_type": "default"])),
                    ("rope_theta", Node(theta)),
                ]) == old)
            let scaled = try frequencies([
                ("rope_theta", Node(theta)), ("rope_scaling", Node(object: Self.llama3)),
            ])
            #expect(scaled != old)
            let new = Node(object: Self.llama3 + [("rope_theta", Node(theta))])
            #expect(try frequencies([("rope_parameters", new)]) == scaled)
            // `type` is how it was called before `rope_type`.
            let older = Node(object: [("type", "llama3")] + Self.llama3.dropFirst())
            #expect(
                try frequencies([("rope_theta", Node(theta)), ("rope_scaling", older)])
                    == scaled)
        }
        #expect(try frequencies([]) == frequencies([("rope_theta", 10000)]))
        #expect(try frequencies([("rope_scaling", .null)]) == frequencies([]))
    }

    @Test func linear_dividesByTheFactor() throws {
        let plain = try frequencies([])
        for type in ["type", "rope_type"] {
            let scaled = try frequencies([
                ("rope_scaling", Node(object: [(type, "linear"), ("factor", 4)]))
            ])
            #expect(scaled == plain.map { $0 / 4 })
        }
    }

    /// High frequencies stay, low ones are divided by the factor, those between are mixed.
    @Test func llama3_agreesWithItsDefinition() throws {
        let plain = try frequencies([("rope_theta", 500000)])
        let scaled = try frequencies([
            ("rope_theta", 500000), ("rope_scaling", Node(object: Self.llama3)),
        ])
        var kinds: Set<Int> = []
        for (plain, scaled) in zip(plain, scaled) {
            let wavelength = 2 * Double.pi / Double(plain)
            let exact: Double
            if wavelength < 128 / 4 {
                exact = Double(plain)
                kinds.insert(0)
            } else if wavelength > 128 {
                exact = Double(plain) / 8
                kinds.insert(1)
            } else {
                let smooth = (128 / wavelength - 1) / 3
                exact = (1 - smooth) * Double(plain) / 8 + smooth * Double(plain)
                kinds.insert(2)
            }
            #expect(abs(Double(scaled) / exact - 1) < 1e-6)
        }
        #expect(kinds == [0, 1, 2])
    }

    private static let wrong: [([(String, Node)], String)] = [
        ([("type", "axial"), ("factor", 2)], "rope_scaling.type"),
        ([("rope_type", "mrope"), ("factor", 2)], "rope_scaling.rope_type"),
        ([("rope_type", .null), ("type", "linear"), ("factor", 2)], "rope_scaling.rope_type"),
        ([("rope_type", "longrope")], "rope_scaling.short_factor"),
        ([("rope_type", "yarn"), ("factor", 2), ("beta_fast", "32")], "rope_scaling.beta_fast"),
        ([("rope_type", "yarn")], "rope_scaling.factor"),
        ([("rope_type", "dynamic"), ("factor", .null)], "rope_scaling.factor"),
        ([("full_attention", .object(["rope_theta": 7]))], "rope_scaling.full_attention"),
        ([("rope_theta", .null)], "rope_scaling.rope_theta"),
        (llama3.map { ($0.0, $0.0 == "factor" ? -8 : $0.1) }, "rope_scaling.factor"),
        ([("rope_type", 3)], "rope_scaling.rope_type"),
        ([("rope_type", "linear")], "rope_scaling.factor"),
        ([("rope_type", "linear"), ("factor", 0)], "rope_scaling.factor"),
        ([("rope_type", "linear"), ("factor", "2")], "rope_scaling.factor"),
        (
            [("rope_type", "linear"), ("factor", 2), ("partial_rotary_factor", 0.5)],
            "rope_scaling.partial_rotary_factor"
        ),
        (
            llama3.dropLast() + [("original_max_position_embeddings", "8192")],
            "rope_scaling.original_max_position_embeddings"
        ),
        (llama3.filter { $0.0 != "low_freq_factor" }, "rope_scaling.low_freq_factor"),
        (llama3.filter { $0.0 != "factor" }, "rope_scaling.factor"),
        (
            llama3.filter { $0.0 != "high_freq_factor" } + [("high_freq_factor", 0)],
            "rope_scaling.high_freq_factor"
        ),
    ]

    @Test(arguments: wrong.indices)
    func whatIsNotKnown_isRefused(_ index: Int) throws {
        let (members, key) = Self.wrong[index]
        let error = #expect(throws: ModelError.self) {
            try configuration(
                Self.least.setting("rope_scaling", to: Node(object: members)),
                Architecture.llama)
        }
        #expect(error?.description.contains("'\(key)'") == true, "\(error.debugDescription)")
    }
}
