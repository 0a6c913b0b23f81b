import Documents
import Manifests
import Posix
import Testing

/// The references of manifest and configuration against what reads them.
@Suite struct KeyDocumentationTests {
    /// A kind of file and where it is described.
    struct Kind: Sendable, CustomTestStringConvertible {
        let document: String
        let page: String
        let pageSection: String
        /// What a file must have beside the keys under test.
        let base: [String]
        let read: @Sendable ([UInt8]) throws -> String

        var testDescription: String { document }
    }

    static let manifest = Kind(
        document: "docs/manifest.md", page: "etc/man/stade-manifest.5", pageSection: "KEYS",
        base: ["model: m", "output: o", "prune.method: magnitude"],
        read: { bytes in
            // The file itself, which it keeps, says nothing of what was read.
            Mirror(reflecting: try Manifest.read(bytes, file: "m.yaml")).children
                .filter { $0.label != "document" }
                .map { "\($0.label ?? ""): \($0.value)" }.joined(separator: ", ")
        })
    static let configuration = Kind(
        document: "docs/operations.md", page: "etc/man/staded.8", pageSection: "CONFIGURATION",
        base: [], read: { "\(try Configuration.read($0, file: "staded.yaml"))" })

    /// Values other than the defaults, with what else they need.
    private static let others: [String: [String]] = [
        "version": [], "name": ["name: x"], "model": ["model: x"], "output": ["output: x"],
        "overwrite": ["overwrite: true"],
        "prune.method": ["prune.method: random", "calibration.text: t"],
        "prune.sparsity": ["prune.sparsity: 0.25"], "prune.pattern": ["prune.pattern: '1:4'"],
        "prune.blocks": [
            "prune.blocks: [1]", "prune.pattern: blocks", "prune.method: cosine",
            "calibration.text: t",
        ],
        "prune.heads": ["prune.heads: true", "prune.pattern: channels"],
        "prune.allocation": ["prune.allocation: owl", "calibration.text: t"],
        "prune.bounds": [
            "prune.bounds: [0.4, 0.6]", "prune.allocation: owl", "calibration.text: t",
        ],
        "prune.compensation": ["prune.compensation: scale", "calibration.text: t"],
        "prune.scope": ["prune.scope: layer"], "prune.targets": ["prune.targets: [a]"],
        "prune.ignore": ["prune.ignore: [a]"], "prune.sequential": ["prune.sequential: false"],
        "prune.target": [
            "prune.target: dense", "prune.sequential: stages", "prune.method: best",
            "calibration.text: t",
        ],
        "prune.tune": ["prune.tune: true", "calibration.text: t"],
        "prune.experts": [
            "prune.experts: {scope: block}", "prune.pattern: experts", "prune.method: reap",
            "calibration.text: t",
        ],
        "prune.bias": ["prune.bias: none"], "calibration.text": ["calibration.text: t"],
        "calibration.tokens": ["calibration.tokens: t"],
        "calibration.statistics": ["calibration.statistics: t"],
        "calibration.samples": ["calibration.samples: 7", "calibration.text: t"],
        "calibration.length": ["calibration.length: 7", "calibration.text: t"],
        "calibration.seed": ["calibration.seed: 7", "calibration.text: t"],
        "evaluation.text": ["evaluation.text: t"], "evaluation.tokens": ["evaluation.tokens: t"],
        "evaluation.length": ["evaluation.length: 7", "evaluation.text: t"],
        "evaluation.windows": ["evaluation.windows: 7", "evaluation.text: t"],
        "evaluation.choices": ["evaluation.choices: t"],
        "compute.precision": ["compute.precision: float32"],
        "limits.threads": ["limits.threads: 7"], "limits.memory": ["limits.memory: 7MiB"],
        "limits.time": ["limits.time: 7s"], "priority": ["priority: 7"],
        "statistics": ["statistics: true"], "spool": ["spool: /x"], "inbox": ["inbox: /x"],
        "roots.read": ["roots.read: [/x]"], "roots.write": ["roots.write: [/x]"],
        "limits.jobs": ["limits.jobs: 7"], "limits.jobs_per_user": ["limits.jobs_per_user: 7"],
        "checkpoint.interval": ["checkpoint.interval: 7s"], "history.jobs": ["history.jobs: 7"],
        "limits.priority_max": ["limits.priority_max: 7"],
        "limits.waiting_per_user": ["limits.waiting_per_user: 7"],
        "limits.reserve": ["limits.reserve: 7MiB"],
        "history.jobs_per_user": ["history.jobs_per_user: 7"],
        "history.rejected": ["history.rejected: 7"],
        "history.snapshots": ["history.snapshots: 7"], "history.age": ["history.age: 7d"],
        "log": ["log: error"], "executor": ["executor: slurm"],
        // The section itself, by a key of its own.
        "executor.slurm.partition": ["executor.slurm.partition: x", "executor.slurm.nodes: 3"],
        "executor.slurm.account": ["executor.slurm.account: x", "executor.slurm.nodes: 3"],
        "executor.slurm.options": ["executor.slurm.options: [--x]", "executor.slurm.nodes: 3"],
        "executor.slurm.nodes": ["executor.slurm.nodes: 7", "executor.slurm.threads: 3"],
        "executor.slurm.threads": ["executor.slurm.threads: 7", "executor.slurm.nodes: 3"],
        "executor.slurm.memory": ["executor.slurm.memory: 7MiB", "executor.slurm.nodes: 3"],
        "executor.slurm.time": ["executor.slurm.time: 1d", "executor.slurm.nodes: 3"],
        "executor.slurm.margin": ["executor.slurm.margin: 7s", "executor.slurm.nodes: 3"],
        "executor.slurm.programs": ["executor.slurm.programs: /x", "executor.slurm.nodes: 3"],
        "executor.slurm.worker": ["executor.slurm.worker: /x", "executor.slurm.nodes: 3"],
    ]

    /// Keys without which another one is required.
    private static let alternatives: Set<String> = ["prune.blocks"]

    /// A file of `section.key: value` lines; later ones replace earlier ones.
    private static func file(_ lines: [String]) -> [UInt8] {
        var sections: [(name: String, members: [(key: String, value: String)])] = [("", [])]
        for line in lines {
            let parts = line.split(separator: ": ", maxSplits: 1).map(String.init)
            let names = parts[0].split(separator: ".").map(String.init)
            let section = names.dropLast().joined(separator: ".")
            let key = names.last ?? ""
            if !sections.contains(where: { $0.name == section }) { sections.append((section, [])) }
            for index in sections.indices where sections[index].name == section {
                sections[index].members.removeAll { $0.key == key }
                sections[index].members.append((key, parts[1]))
            }
        }
        let text = sections.map { name, members in
            let lines = members.map { "\($0.key): \($0.value)" }
            if name.isEmpty { return lines.joined(separator: "\n") }
            // A section in another one stands alone there.
            let names = name.split(separator: ".")
            let inner = names.dropFirst().map { "{\($0): " }.joined()
            let close = String(repeating: "}", count: names.count - 1)
            return "\(names[0]): \(inner){\(lines.joined(separator: ", "))}\(close)"
        }
        return Array(("version: 1\n" + text.joined(separator: "\n") + "\n").utf8)
    }

    /// The keys that a section may have, by what the reader says of one that nobody knows.
    private static func keys(_ kind: Kind, section: String) throws -> [String] {
        let unknown = "qqqqqqqqqqqqqqqqqqqq"
        let line = section.isEmpty ? "\(unknown): 1" : "\(section).\(unknown): 1"
        // Alone in its section, so that nothing else is complained of before.
        let base = kind.base.filter { section.isEmpty || !$0.hasPrefix(section + ".") }
        let error = try #require(throws: DocumentError.self) { try kind.read(file(base + [line])) }
        #expect(error.reason.contains("found the unknown key"), "\(error)")
        let list = error.reason.drop { $0 != ";" }
        return list.matches(of: /'([^']+)'/).map { String($0.output.1) }
    }

    private static func allKeys(_ kind: Kind) throws -> Set<String> {
        var result: Set<String> = []
        for key in try keys(kind, section: "") {
            // A section where it wants keys and values.
            let probe = file(kind.base.filter { !$0.hasPrefix(key + ".") } + ["\(key): [1]"])
            var isSection = false
            do {
                _ = try kind.read(probe)
            } catch let error as DocumentError {
                isSection = error.reason.contains("for '\(key)'; expected keys")
            }
            if isSection {
                for inner in try keys(kind, section: key) {
                    // One section is in another.
                    let path = "\(key).\(inner)"
                    if path == "executor.slurm" {
                        result.formUnion(try keys(kind, section: path).map { "\(path).\($0)" })
                    } else {
                        result.insert(path)
                    }
                }
            } else {
                result.insert(key)
            }
        }
        return result
    }

    private static func rows(_ kind: Kind) throws -> [(key: String, value: String)] {
        let table = try #require(try Document(kind.document).table("key", "default", "meaning"))
        return table.rows.map { (Document.code($0[0]).first ?? "", $0[1]) }
    }

    @Test(arguments: [KeyDocumentationTests.manifest, KeyDocumentationTests.configuration])
    func everyKeyIsDescribed_andEveryDescribedKeyIsRead(_ kind: Kind) throws {
        let keys = try Self.allKeys(kind)
        #expect(keys.count > 8)
        let described = try Self.rows(kind).map(\.key)
        #expect(Set(described) == keys && described.count == keys.count)
        let page = try ManualPage(kind.page).names(kind.pageSection)
        #expect(page == described, "the manual page has the same keys in the same order")
    }

    /// A documented default changes nothing where it is written out, and another value does.
    @Test(arguments: [KeyDocumentationTests.manifest, KeyDocumentationTests.configuration])
    func defaultsAreThoseOfTheReader(_ kind: Kind) throws {
        let page = try ManualPage(kind.page).entries(kind.pageSection)
        for (index, (key, value)) in try Self.rows(kind).enumerated() {
            let text = page[index].text
            let plain = value.replacing("`", with: "")
            switch plain {
            case "": #expect(!text.contains("Default:"), "\(key)")
            case "required": #expect(text.hasSuffix("Required."), "\(key)")
            default: #expect(text.hasSuffix("Default: \(plain)."), "\(key): \(text)")
            }
            guard key != "version" else { continue }
            let other = try #require(Self.others[key], "a value for \(key)")
            // What the key needs beside it is there in all three.
            let base = kind.base + other.dropFirst()
            let without = base.filter { !$0.hasPrefix(key + ":") }
            if value != "required" {
                if Self.alternatives.contains(key) {
                    #expect(throws: DocumentError.self) { try kind.read(Self.file(without)) }
                    _ = try kind.read(Self.file(without + other.prefix(1)))
                    continue
                }
                let silent = try kind.read(Self.file(without))
                let heard = try kind.read(Self.file(without + other.prefix(1)))
                #expect(silent != heard, "\(key) is not heard")
                // Words in place of a value describe what cannot be written.
                let quotes = value.count { $0 == "`" }
                guard value.hasPrefix("`"), value.hasSuffix("`"), quotes == 2 else { continue }
                let said = try kind.read(Self.file(without + ["\(key): \(plain)"]))
                #expect(Self.settled(said) == Self.settled(silent), "\(key): \(value)")
            } else {
                #expect(throws: DocumentError.self) { try kind.read(Self.file(without)) }
            }
        }
    }

    /// As the plan takes it: what a calibration does not give is what it stands for.
    private static func settled(_ text: String) -> String {
        let windows = Manifest.Calibration(source: .text("t"))
        return text.replacing(
            "givenSamples: nil", with: "givenSamples: Optional(\(windows.samples))"
        )
        .replacing("givenLength: nil", with: "givenLength: Optional(\(windows.length))")
    }

    @Test func methodsAndCompensationsAreListed() throws {
        func expected(_ key: String) throws -> [String] {
            let bytes = Self.file(["model: m", "output: o", "prune.\(key): qqqqqqqqqqqqqqqq"])
            let error = try #require(throws: DocumentError.self) {
                try Self.manifest.read(bytes)
            }
            let list = error.reason.split(separator: "expected ").last ?? ""
            return list.replacing(" or ", with: ", ").split(separator: ", ").map(String.init)
        }
        let document = try Document("docs/manifest.md")
        let methods = try #require(document.table("method")).rows.map { $0[0] }
        #expect(methods.flatMap(Document.code) == (try expected("method")))
        let page = try ManualPage("etc/man/stade-manifest.5")
        #expect(page.names("METHODS") == (try expected("method")))
        let compensations = try #require(document.table("compensation")).rows.map { $0[0] }
        #expect(
            Set(compensations.flatMap(Document.code) + ["auto"])
                == Set(try expected("compensation")))
    }

    /// Every YAML block that is a whole document is read by the reader that it is for.
    @Test(arguments: Document.all) func examplesAreRight(_ name: String) throws {
        for block in try Document(name).blocks where block.text.hasPrefix("version: 1") {
            let kind = block.text.contains("\nmodel:") ? Self.manifest : Self.configuration
            #expect(throws: Never.self, "\(name)") { try kind.read(Array(block.text.utf8)) }
        }
    }
}
