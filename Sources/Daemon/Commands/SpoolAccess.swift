import Documents
import Glibc
import Manifests
import Pipeline
import Posix
import Spool

/// The spool that a command works on, and looking up jobs in it.
struct SpoolAccess {
    let spool: Spool

    /// From `--spool` or the configuration.
    init(_ arguments: Arguments) throws {
        if let path = arguments.values["--spool"] {
            self.init(absolute(path), inbox: joined(absolute(path), "inbox"))
            return
        }
        let configuration = try Configuration.load(arguments.values["--config"])
        self.init(configuration.spool, inbox: configuration.inbox)
    }

    /// - Parameter inbox: where the daemon has not said which one it looks into: a configuration
    ///   may have been changed and not read yet.
    private init(_ path: String, inbox: String) {
        let inForce = try? Configuration.load(joined(path, Layout.Spool.configuration))
        spool = Spool(path: path, inbox: inForce?.inbox ?? inbox)
    }

    /// Every job, oldest first. Jobs move while this looks: one that is seen twice counts where it
    /// was seen last, and one that is not readable is left out.
    func jobs() throws -> [JobRecord] {
        var found: [String: JobRecord] = [:]
        for state in JobState.allCases {
            for id in try spool.identifiers(state) {
                if let record = try? spool.record(id, state) { found[id] = record }
            }
        }
        return found.values.sorted { $0.id < $1.id }
    }

    /// The job that `text` means: an id, the start of one, or a name.
    func job(_ text: String) throws -> JobRecord {
        let jobs = try jobs()
        if let job = jobs.first(where: { $0.id == text }) { return job }
        let matches = jobs.filter { $0.name == text || (!text.isEmpty && $0.id.hasPrefix(text)) }
        guard let job = matches.first else {
            let waiting = spool.waiting
            let manifests = waiting.manifests.first {
                $0.oldest.contains(text + Layout.Inbox.manifestEnding)
            }
            throw manifests.map { LookupError.waiting(text, $0.text(limit: waiting.limit)) }
                ?? LookupError.none(text)
        }
        if matches.count > 1 { throw LookupError.several(text, matches.map(\.id)) }
        return job
    }

    /// What a running job last said; nil where it has said nothing.
    func progress(_ job: JobRecord) -> Progress? {
        guard job.state == .active else { return nil }
        let path = joined(spool.directory(job.id, .active), Layout.Job.progress)
        guard let bytes = try? readRegularFile(path, limit: 1 << 16),
            let node = try? JSON.parse(bytes, file: path)
        else { return nil }
        return Progress(coded: node)
    }

    /// Everything about a job, for programs.
    func node(_ job: JobRecord) -> Node {
        job.node.setting("progress", to: progress(job)?.node ?? Node(.null))
            .setting("outputs", to: Node(spool.outputs(job).map(\.node)))
    }
}

/// A job that was not found.
enum LookupError: Failure, Hashable {
    case none(String)
    /// A manifest that has not been taken, and why.
    case waiting(String, String)
    case several(String, [String])
    /// A job without outputs, and its state.
    case unfinished(String, String)

    var exitCode: ExitCode {
        switch self {
        case .none, .unfinished: .noInput
        case .waiting: .tryAgain
        case .several: .usage
        }
    }

    var description: String {
        switch self {
        case .none(let text):
            "there is no job '\(escaped(text, limit: 64))'; 'stadectl list' shows all"
        case .waiting(let text, let why):
            "\(escaped(text, limit: 64)).yaml is no job yet; \(why)"
        case .several(let text, let ids):
            "'\(escaped(text, limit: 64))' may be any of \(ids.prefix(5).joined(separator: ", "))"
                + (ids.count > 5 ? " and \(ids.count - 5) more" : "") + "; give more of the id"
        case .unfinished(let id, let state):
            state != JobState.failed.rawValue
                ? "job \(id) is \(state): it has published nothing yet; 'stadectl watch \(id)' "
                    + "waits"
                : "job \(id) is \(state): it has published nothing; 'stadectl show \(id)' says why"
        }
    }
}

extension Configuration {
    /// Reads the configuration file, or the default one.
    static func load(_ file: String?) throws -> Configuration {
        let path = file ?? StadedCommand.defaultConfiguration
        return try read(readFile(path, limit: 1 << 20), file: path)
    }
}
