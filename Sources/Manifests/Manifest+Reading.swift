import Documents
import Posix
import Pruning

extension Manifest {
    package static let schema = Schema([
        (
            "",
            [
                "version", "name", "model", "output", "overwrite", "prune", "calibration",
                "evaluation", "compute", "executor", "limits", "priority", "statistics",
            ]
        ),
        (
            "prune",
            [
                "method", "sparsity", "pattern", "blocks", "heads", "allocation", "bounds",
                "compensation",
                "scope", "targets", "ignore", "sequential", "target", "tune", "bias",
                "experts",
            ]
        ),
        ("prune.experts", ["scope"]),
        ("prune.tune", ["passes", "rate"]),
        ("calibration", ["text", "tokens", "statistics", "samples", "length", "seed"]),
        ("evaluation", ["text", "tokens", "length", "windows", "choices"]),
        ("compute", ["precision"]),
        ("limits", ["threads", "memory", "time"]),
    ])

    /// Reads and checks a manifest; nothing that it names is looked at.
    /// - Parameter file: for messages, and for the job's name where the manifest gives none.
    package static func read(
        _ bytes: [UInt8], file: String
    ) throws(DocumentError) -> Manifest {
        let document = try YAML.parse(bytes, file: file)
        let fields = try Fields.versionOne(document, file: file, schema: schema)
        var manifest = Manifest(
            name: try name(fields) ?? defaultName(file),
            model: try fields.required("model", fields.path("model")),
            output: try fields.required("output", fields.path("output")))
        manifest.document = document
        manifest.overwrite = try fields.bool("overwrite") ?? manifest.overwrite
        manifest.priority = try fields.integer("priority", in: priorities) ?? manifest.priority
        manifest.statistics = try fields.bool("statistics") ?? manifest.statistics
        let prune = try fields.section("prune")
        if let prune { manifest.prune = try Prune(prune) }
        try manifest.checkExperts(fields)
        if let calibration = try fields.section("calibration"),
            let path = try statisticsPath(calibration)
        {
            manifest.knownStatistics = path
            // There are no inputs that could come from pruned blocks.
            if let node = prune?.value("sequential"), manifest.prune.sequential {
                throw fields.mismatch(
                    "prune.sequential", node,
                    expected: "false, or nothing, with calibration.statistics")
            }
            manifest.prune.order = .dense
        } else if let calibration = try fields.section("calibration") {
            manifest.calibration = try Calibration(calibration)
            // Windows are drawn of a text alone, and besides them only one method draws anything.
            if case .tokens = manifest.calibration?.source, let node = calibration.value("seed"),
                !manifest.prune.methods.contains(where: \.isDrawn)
            {
                throw calibration.error(
                    "found \(calibration.name("seed")) beside \(calibration.name("tokens")), whose "
                        + "sequences are all used; expected no seed", at: node)
            }
        } else if let method = manifest.prune.methods.first(where: {
            manifest.prune.needsCalibration($0)
        }) {
            throw fields.error(
                "found no 'calibration', which prune.method \(method.name) needs; "
                    + "expected it with 'text', 'tokens' or 'statistics'")
        }
        if manifest.prune.order == .stages, manifest.calibration == nil,
            let node = prune?.value("sequential")
        {
            throw fields.mismatch(
                "prune.sequential", node,
                expected: "true, false, or nothing, for there is no calibration")
        }
        if manifest.prune.tuning != nil, manifest.calibration == nil,
            let node = prune?.value("tune")
        {
            throw fields.mismatch(
                "prune.tune", node,
                expected: manifest.knownStatistics == nil
                    ? "false, or nothing, for there is no calibration"
                    : "false, or nothing, with calibration.statistics")
        }
        if manifest.prune.allocation != .uniform, manifest.calibration == nil,
            manifest.knownStatistics == nil
        {
            throw fields.error(
                "found no 'calibration', which prune.allocation "
                    + "\(manifest.prune.allocation.rawValue) needs; expected it with 'text', "
                    + "'tokens' or 'statistics'")
        }
        try manifest.checkBlocks(fields)
        if let evaluation = try fields.section("evaluation") {
            manifest.evaluation = try Evaluation(evaluation)
        }
        if let compute = try fields.section("compute") {
            manifest.precision = try compute.choice("precision", Precision.self) ?? .auto
        }
        manifest.executor = try fields.choice("executor", Executor.self) ?? manifest.executor
        if let limits = try fields.section("limits") { manifest.limits = try Limits(limits) }
        return manifest
    }

    /// `calibration.statistics`, which stands alone.
    private static func statisticsPath(_ fields: Fields) throws(DocumentError) -> String? {
        guard let path = try fields.path("statistics") else { return nil }
        for key in ["text", "tokens", "samples", "length", "seed"] {
            guard let node = fields.value(key) else { continue }
            throw fields.error(
                "found both \(fields.name("statistics")) and \(fields.name(key)); expected one",
                at: node)
        }
        return path
    }

    private static func name(_ fields: Fields) throws(DocumentError) -> String? {
        guard let name = try fields.string("name"), let node = fields.value("name") else {
            return nil
        }
        let isPlain = name.unicodeScalars.allSatisfy {
            switch $0.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: false
            default: $0 != "/"
            }
        }
        guard isPlain, name.utf8.count <= 255 else {
            throw fields.mismatch(
                "name", node, expected: "at most 255 bytes without '/' and control characters")
        }
        return name
    }

    /// The file's name without its directory and its extension, harmless to logs.
    private static func defaultName(_ file: String) -> String {
        let last = lastName(file) ?? file
        let suffix = [".yaml", ".yml"].first { last.hasSuffix($0) && last != $0 } ?? ""
        return escaped(String(last.dropLast(suffix.count)), limit: 255)
    }
}

extension Manifest.Calibration {
    fileprivate init(_ fields: Fields) throws(DocumentError) {
        self.init(source: try Manifest.Source(fields))
        givenSamples = try fields.integer("samples", in: 1...Int.max)
        givenLength = try fields.integer("length", in: 1...Int.max)
        seed = try fields.integer("seed", in: 0...Int.max).map(UInt64.init) ?? seed
    }
}

extension Manifest.Evaluation {
    fileprivate init(_ fields: Fields) throws(DocumentError) {
        choices = try fields.path("choices")
        source = try Manifest.Source(ifIn: fields)
        // The first token of a window is not predicted.
        length = try fields.integer("length", in: 2...Int.max) ?? length
        windows = try fields.integer("windows", in: 1...Int.max)
        guard source == nil else { return }
        let names = "\(fields.name("text")) nor \(fields.name("tokens"))"
        if choices == nil {
            throw fields.error(
                "found neither \(names) nor \(fields.name("choices")); expected at least one")
        }
        for key in ["length", "windows"] {
            if let value = fields.value(key) {
                throw fields.error(
                    "found \(fields.name(key)), but neither \(names), which it is about", at: value)
            }
        }
    }
}

extension Manifest.Source {
    fileprivate init(_ fields: Fields) throws(DocumentError) {
        guard let source = try Manifest.Source(ifIn: fields) else {
            throw fields.error(
                "found neither \(fields.name("text")) nor \(fields.name("tokens")); expected one")
        }
        self = source
    }

    /// nil where there is none.
    fileprivate init?(ifIn fields: Fields) throws(DocumentError) {
        switch (try fields.path("text"), try fields.path("tokens")) {
        case (let text?, nil): self = .text(text)
        case (nil, let tokens?): self = .tokens(tokens)
        case (nil, nil): return nil
        case (_?, _?):
            throw fields.error(
                "found both \(fields.name("text")) and \(fields.name("tokens")); expected one",
                at: fields.value("tokens"))
        }
    }
}

extension Manifest.Limits {
    fileprivate init(_ fields: Fields) throws(DocumentError) {
        threads = try fields.integer("threads", in: 1...Configuration.maximumThreads)
        memory = try fields.size("memory", in: 1...Int.max)
        time = try fields.duration("time", in: 1...Int.max)
    }
}
