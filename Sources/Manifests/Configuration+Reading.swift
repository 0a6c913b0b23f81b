import Documents
import Posix

extension Configuration {
    /// The most threads that a document may ask for; more is a slip of the finger.
    static let maximumThreads = 4096

    fileprivate static let maximumJobs = 1_000_000

    /// The daemon keeps every waiting job in memory.
    private static let maximumWaiting = 10_000

    private static let schema = Schema([
        (
            "",
            [
                "version", "spool", "inbox", "roots", "limits", "executor", "checkpoint",
                "history", "log",
            ]
        ),
        ("roots", ["read", "write"]),
        (
            "limits",
            [
                "threads", "memory", "jobs", "jobs_per_user", "waiting_per_user", "reserve", "time",
                "priority_max",
            ]
        ),
        ("executor", ["slurm"]),
        ("executor.slurm", Slurm.keys),
        ("checkpoint", ["interval"]),
        ("history", ["jobs", "jobs_per_user", "rejected", "snapshots", "age"]),
    ])

    /// Reads and checks a configuration; nothing that it names is looked at.
    /// - Parameter file: for messages only.
    package static func read(
        _ bytes: [UInt8], file: String
    ) throws(DocumentError) -> Configuration {
        let fields = try Fields.versionOne(
            try YAML.parse(bytes, file: file), file: file, schema: schema)
        var configuration = Configuration()
        configuration.spool = try directory("spool", fields) ?? configuration.spool
        configuration.inbox = try directory("inbox", fields) ?? configuration.spool + "/inbox"
        if let roots = try fields.section("roots") {
            configuration.roots.read = try directories("read", roots) ?? []
            configuration.roots.write = try directories("write", roots) ?? []
        }
        if let limits = try fields.section("limits") {
            configuration.limits.threads = try limits.integer("threads", in: 1...maximumThreads)
            configuration.limits.memory = try limits.size("memory", in: 1...Int.max)
            configuration.limits.jobs =
                try limits.integer("jobs", in: 1...maximumThreads) ?? configuration.limits.jobs
            configuration.limits.jobsPerUser =
                try limits.integer("jobs_per_user", in: 1...maximumJobs)
            configuration.limits.waitingPerUser =
                try limits.integer("waiting_per_user", in: 1...maximumWaiting)
                ?? configuration.limits.waitingPerUser
            configuration.limits.reserve = try limits.size("reserve", in: 0...Int.max)
            configuration.limits.time = try limits.duration("time", in: 1...Int.max)
            configuration.limits.priorityMax =
                try limits.integer("priority_max", in: Manifest.priorities)
        }
        if let executor = try fields.section("executor") {
            configuration.slurm = try executor.section("slurm").map(Slurm.init)
            try configuration.checkPathsForSlurm(fields)
        }
        if let snapshot = try fields.section("checkpoint") {
            configuration.snapshot.interval =
                try snapshot.duration("interval") ?? configuration.snapshot.interval
        }
        if let history = try fields.section("history") {
            configuration.history = try History(history)
        }
        configuration.log = try fields.choice("log", Level.self) ?? configuration.log
        return configuration
    }

    /// sbatch(1) replaces `%` and backslashes in names of files.
    private func checkPathsForSlurm(_ fields: Fields) throws(DocumentError) {
        guard slurm != nil, spool.utf8.contains(where: { "%\\\n".utf8.contains($0) }) else {
            return
        }
        throw fields.error(
            "found a spool with '%', a backslash or a line's end in its path beside "
                + "'executor.slurm'; expected none of these", at: fields.value("spool"))
    }

    /// A path as `checked` wants it, of a directory or of a program.
    static func directory(
        _ key: String, _ fields: Fields
    ) throws(DocumentError) -> String? {
        guard let path = try fields.path(key), let node = fields.value(key) else { return nil }
        return try checked(path, key, node, fields)
    }

    private static func directories(
        _ key: String, _ fields: Fields
    ) throws(DocumentError) -> [String]? {
        guard let texts = try fields.strings(key) else { return nil }
        var paths: [String] = []
        for (text, node) in texts { paths.append(try checked(text, key, node, fields)) }
        return paths
    }

    /// A daemon has no working directory that its administrator could know: paths are absolute. The
    /// result has no needless slashes.
    private static func checked(
        _ path: String, _ key: String, _ node: Node, _ fields: Fields
    ) throws(DocumentError) -> String {
        // By bytes, as the kernel splits paths: a slash with an accent is one `Character`.
        let components = path.utf8.split(separator: UInt8(ascii: "/"))
        guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0),
            !components.contains(where: { $0.elementsEqual("..".utf8) })
        else {
            throw fields.mismatch(
                key, node, expected: "an absolute path without '..', as in /srv/stade")
        }
        return "/" + components.map { String(Substring($0)) }.joined(separator: "/")
    }
}

extension Configuration.History {
    fileprivate init(_ fields: Fields) throws(DocumentError) {
        let range = 0...Configuration.maximumJobs
        jobs = try fields.integer("jobs", in: range) ?? jobs
        jobsPerUser = try fields.integer("jobs_per_user", in: range) ?? jobsPerUser
        rejected = try fields.integer("rejected", in: range) ?? rejected
        snapshots = try fields.integer("snapshots", in: range) ?? snapshots
        age = try fields.duration("age") ?? age
    }
}
