import Daemon
import Glibc
import Manifests
import Posix
import Spool

/// A daemon in this process, on a spool of its own, with a shell script for a worker that does what
/// the job's name says.
final class ScratchDaemon {
    let path: String
    let spool: Spool
    let daemon: Daemon
    let configurationFile: String

    /// What the script does: publish, fail, ask for later, crash, hang, or hang whatever comes.
    private static let script = """
        directory=$2
        name=$(sed -n 's/^name: //p' "$directory/manifest.yaml")
        id=${directory##*/}
        say() { printf '%s\\n' "$1"; }
        say '{"event":"progress","phase":"pruning","block":2,"blocks":4,"fraction":0.5}'
        echo "working on $name" >&2
        echo "$name" >> "$(dirname "$0")/ran"
        case $name in
        ok*)
            mkdir "$(dirname "$0")/out-$name"
            say '{"event":"done","outputs":["'"$(dirname "$0")/out-$name"'"]}' ;;
        bad*) say '{"event":"failed","reason":"tensor x is NaN","exit_code":65}'; exit 65 ;;
        full*) say '{"event":"failed","reason":"no room","exit_code":75}'; exit 75 ;;
        crash*)
            mkdir "$(dirname "$0")/.stade-$id.partial"
            kill -KILL $$ ;;
        silent*) exit 3 ;;
        published*)
            mkdir "$(dirname "$0")/out"
            say '{"job": {"id": "'"$id"'"}}' > "$(dirname "$0")/out/stade-report.json"
            kill -SEGV $$ ;;
        stubborn*) trap '' TERM; while :; do sleep 0.05; done ;;
        *) trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM; while :; do sleep 0.05; done ;;
        esac

        """

    init(_ limits: String = "{}", grace: Double = 5) throws {
        var template = Array(joined(P_tmpdir, "stade-daemon-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("mkdtemp", P_tmpdir) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        configurationFile = joined(path, "staded.yaml")
        let script = joined(path, "worker.sh")
        try writeFile(script, Array(Self.script.utf8))
        let text = Self.configuration(path, limits)
        try writeFile(configurationFile, Array(text.utf8))
        let configuration = try Configuration.read(Array(text.utf8), file: configurationFile)
        spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        var options = Daemon.Options(configurationFile: configurationFile)
        options.worker = WorkerCommand(executable: "/bin/sh", arguments: [script])
        options.grace = grace
        daemon = Daemon(configuration, options)
    }

    deinit { try? removeTree(path) }

    static func configuration(_ path: String, _ limits: String = "{}") -> String {
        """
        version: 1
        spool: \(path)/spool
        roots: {read: [\(path)], write: [\(path)]}
        limits: \(limits)
        log: error

        """
    }

    func start() throws { try daemon.start(readFile(configurationFile)) }

    /// Renames a manifest into the inbox.
    func submit(_ name: String, _ more: String = "") throws {
        let text = """
            version: 1
            name: \(name)
            model: tiny
            output: out
            prune: {method: magnitude}
            \(more)

            """
        try drop(name + ".yaml", text)
    }

    func drop(_ name: String, _ text: String) throws {
        let draft = joined(spool.inbox, ".draft")
        try writeFile(draft, Array(text.utf8))
        guard rename(draft, joined(spool.inbox, name)) == 0 else {
            throw SystemError("rename", draft)
        }
    }

    func ask(_ verb: Request.Verb, _ id: String) throws {
        try writeFile(joined(spool.inbox, Request.fileName(verb, id)), [])
    }

    func jobs(_ state: JobState) -> [JobRecord] {
        ((try? spool.identifiers(state)) ?? []).compactMap { try? spool.record($0, state) }
    }

    /// Names of jobs in the order in which workers ran.
    var ran: [String] {
        let bytes = (try? readFile(joined(path, "ran"))) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

/// Looks every 20 ms until `condition` holds, for `seconds` at most.
func eventually(within seconds: Double = 20, _ condition: () -> Bool) -> Bool {
    let end = Clock.boot() + seconds
    while !condition() {
        if Clock.boot() > end { return false }
        usleep(20_000)
    }
    return true
}
