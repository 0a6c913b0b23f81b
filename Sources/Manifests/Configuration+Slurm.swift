import Documents

extension Configuration {
    /// What jobs with `executor: slurm` get, and how Slurm is called.
    package struct Slurm: Sendable, Hashable {
        /// nil: Slurm's own default, as for `account`.
        package var partition: String?
        package var account: String?
        /// Further options of sbatch(1), each `--name` or `--name=value`.
        package var options: [String] = []
        /// How many nodes jobs take together; each takes one.
        package var nodes = 8
        /// Of a job whose manifest does not say, as `memory`.
        package var threads = 4
        /// In bytes.
        package var memory = 8 << 30
        /// Seconds after which Slurm ends a job, which then goes on in another; nil: the
        /// partition's own limit.
        package var time: Int?
        /// Seconds before that in which a job is told to finish its snapshot.
        package var margin = 300
        /// The directory of sbatch, squeue and scancel.
        package var programs = "/usr/bin"
        /// The path of `staded` on the nodes; nil: that of the running one.
        package var worker: String?

        package init() {}
    }
}

extension Configuration.Slurm {
    static let keys = [
        "partition", "account", "options", "nodes", "threads", "memory", "time", "margin",
        "programs", "worker",
    ]

    private static let maximumNodes = 1000

    /// Options of sbatch(1) that stade gives itself, or that would make it do something else than
    /// to run one worker on one node.
    private static let ownOptions: Set<String> = [
        "account", "array", "batch", "begin", "chdir", "clusters", "comment", "cpus-per-task",
        "dependency", "error", "export", "export-file", "get-user-env", "gid", "help", "hold",
        "input", "job-name", "kill-on-invalid-dep", "mem", "mem-per-cpu", "mem-per-gpu",
        "no-requeue", "nodes", "ntasks", "ntasks-per-node", "open-mode", "output", "overcommit",
        "parsable", "partition", "propagate", "quiet", "requeue", "signal", "test-only", "time",
        "time-min", "uid", "usage", "verbose", "version", "wait", "wrap",
    ]

    init(_ fields: Fields) throws(DocumentError) {
        partition = try Self.word("partition", fields)
        account = try Self.word("account", fields)
        options = try Self.options(fields)
        nodes = try fields.integer("nodes", in: 1...Self.maximumNodes) ?? nodes
        threads =
            try fields.integer("threads", in: 1...Configuration.maximumThreads) ?? threads
        memory = try fields.size("memory", in: 1...Int.max) ?? memory
        time = try fields.duration("time", in: 60...Self.maximumTime)
        margin = try fields.duration("margin", in: 1...Self.maximumMargin) ?? margin
        programs = try Configuration.directory("programs", fields) ?? programs
        worker = try Configuration.directory("worker", fields)
        if let time, time <= margin, let node = fields.value("time") {
            throw fields.mismatch(
                "time", node, expected: "more than \(fields.name("margin")), which is \(margin)s")
        }
    }

    /// Slurm's own bound of a time, a year; and of the time before its signal, in seconds.
    private static let maximumTime = 365 * 86400
    private static let maximumMargin = 65535

    /// The name of a partition or an account, or several with commas: letters, digits and `_.,-`.
    private static func word(
        _ key: String, _ fields: Fields
    ) throws(DocumentError) -> String? {
        guard let text = try fields.string(key), let node = fields.value(key) else { return nil }
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "A")...UInt8(ascii: "Z"):
                true
            default: "_.,-".utf8.contains(byte)
            }
        }
        guard isPlain, text.utf8.first != UInt8(ascii: "-") else {
            throw fields.mismatch(key, node, expected: "a name of letters, digits and _ . , -")
        }
        return text
    }

    private static func options(_ fields: Fields) throws(DocumentError) -> [String] {
        guard let texts = try fields.strings("options") else { return [] }
        for (text, node) in texts {
            let name = text.dropFirst(2).prefix { $0 != "=" }
            let isPlain = name.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || byte == UInt8(ascii: "-")
            }
            guard text.hasPrefix("--"), !name.isEmpty, isPlain, !text.utf8.contains(0) else {
                throw fields.mismatch(
                    "options", node, expected: "options of sbatch as --name or --name=value")
            }
            // getopt_long(3) takes the start of a name for the whole of it.
            if let own = ownOptions.sorted().first(where: { $0 == name || $0.hasPrefix(name) }) {
                throw fields.mismatch(
                    "options", node,
                    expected: "none of the options that stade gives itself; --\(own) is one")
            }
        }
        return texts.map(\.text)
    }
}
