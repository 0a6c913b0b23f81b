import Documents
import Glibc
import Posix
import Reports

/// A job for `stadectl prune`, run as a whole process.
struct PruneJob {
    enum Source {
        case text(String)
        /// A token file, which settles samples and length.
        case tokens(String)
    }

    var model: String
    var calibration: Source
    var method = "stade"
    var precision = "auto"
    var samples: Int
    var length: Int
    var threads: Int

    /// The job that the settings ask for.
    init(_ settings: Settings) {
        self.init(
            model: settings.model, calibration: .text(settings.text), samples: settings.samples,
            length: settings.length, threads: settings.threads)
    }

    init(model: String, calibration: Source, samples: Int, length: Int, threads: Int) {
        self.model = model
        self.calibration = calibration
        self.samples = samples
        self.length = length
        self.threads = threads
    }

    var conditions: String {
        "\(model.split(separator: "/").last ?? ""), \(method), \(precision), \(samples) x \(length)"
    }

    /// To run in `scratch`, where nothing stays.
    func contender(_ name: String, in scratch: String) -> Contender {
        Contender(name) {
            let output = "\(scratch)/output"
            let manifest = "\(scratch)/manifest.yaml"
            // JSON is YAML.
            try writeFile(manifest, JSON.encode(node(output: output)))
            let end = try ChildProgram(
                executable: Self.stadectl, arguments: ["prune", manifest],
                log: "\(scratch)/stadectl.log"
            ).run()
            defer { try? removeTree(output) }
            let report = try ReportDocument(Output.report(in: output))
            return .init(end: end, resources: report?.resources)
        }
    }

    /// Beside this program.
    private static let stadectl: String = {
        let this = realpath("/proc/self/exe", nil)
        defer { free(this) }
        let path = this.map { String(cString: $0) } ?? ""
        return path.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" } + "/stadectl"
    }()

    private func node(output: String) -> Node {
        let source: [(String, Node)] =
            switch calibration {
            case .text(let path):
                [("text", Node(path)), ("samples", Node(samples)), ("length", Node(length))]
            case .tokens(let path): [("tokens", Node(path))]
            }
        return .object([
            "version": 1, "model": Node(model), "output": Node(output),
            "prune": .object(["method": Node(method)]), "calibration": Node(object: source),
            "compute": .object(["precision": Node(precision)]),
            "limits": .object(["threads": Node(threads)]),
        ])
    }
}
