import Documents
import Glibc
import Posix

/// What to measure, from the variables that `make bench` takes; see docs/benchmarks.md.
struct Settings: Sendable {
    let parts: [Part]
    /// The directory of the model and the file of the calibration text.
    let model: String
    let text: String
    let samples: Int
    let length: Int
    let threads: Int
    /// How often a whole process runs.
    let runs: Int
    let methods: [String]
    let precisions: [String]
    /// A Python with torch and transformers, and a checkout of the published code.
    let python: String?
    let published: String?
    /// Where the figures go.
    let output: String

    /// - Throws: `SettingsError`.
    init() throws {
        let demo = "etc/demo"
        parts = try Self.words("PARTS", Part.allCases.map(\.rawValue)).map { word in
            guard let part = Part(rawValue: word) else {
                throw SettingsError(variable: "PARTS", found: word, expected: Self.partNames)
            }
            return part
        }
        model = try Self.path("MODEL", default: "\(demo)/models/tiny-llama")
        text = try Self.path("TEXT", default: "\(demo)/text/calibration.txt")
        samples = try Self.number("SAMPLES", default: 128)
        length = try Self.number("LENGTH", default: 256)
        threads = try Self.number("THREADS", default: availableProcessors)
        runs = try Self.number("RUNS", default: 3)
        methods = Self.words("METHODS", ["stade", "auto"])
        precisions = Self.words("PRECISIONS", ["float32", "bfloat16"])
        python = Self.variable("PYTHON")
        published = Self.variable("PUBLISHED")
        output = Self.variable("BENCH_JSON") ?? ".build/bench/latest.json"
    }

    /// Numbers of threads to compare: one and all.
    var threadCounts: [Int] { threads > 1 ? [1, threads] : [1] }

    var modelName: String { String(model.split(separator: "/").last ?? "") }

    var node: Node {
        .object([
            "model": Node(modelName), "samples": Node(samples), "length": Node(length),
            "threads": Node(threads), "runs": Node(runs),
        ])
    }

    private static let partNames = Part.allCases.map(\.rawValue).joined(separator: ", ")

    /// nil where it is not set, or empty.
    private static func variable(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func words(_ name: String, _ absent: [String]) -> [String] {
        variable(name)?.split(separator: " ").map { String($0) } ?? absent
    }

    private static func number(_ name: String, default absent: Int) throws -> Int {
        guard let text = variable(name) else { return absent }
        guard let number = Int(text), number > 0 else {
            throw SettingsError(variable: name, found: text, expected: "a number from 1 on")
        }
        return number
    }

    private static func path(_ name: String, default absent: String) throws -> String {
        let path = variable(name) ?? absent
        guard let resolved = realpath(path, nil) else { throw SystemError("realpath", path) }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}

/// A variable that says something else than it may.
struct SettingsError: Failure, Hashable {
    let variable: String
    let found: String
    let expected: String

    var exitCode: ExitCode { .usage }
    var description: String { "\(variable) is '\(escaped(found))', expected \(expected)" }
}
