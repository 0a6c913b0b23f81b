import Daemon
import Glibc
import Manifests
import Posix
import Spool
import TestSupport

/// A daemon in this process, on a spool of its own, with a shell script for a worker that does what
/// the job's name says.
final class ScratchDaemon {
    private let scratch: Scratch
    var path: String { scratch.path }
    let spool: Spool
    let daemon: Daemon
    let configurationFile: String
    let options: Daemon.Options

    /// What the script does: publish, fail, ask for later, crash, hang, or hang whatever comes.
    private static let script = """
        directory=$2
        name=$(sed -n 's/^name: //p' "$directory/manifest.yaml")
        id=${directory##*/}
        say() { printf '%s\\n' "$1"; }
        # On another node: the tenth word says which submission it is.
        case $* in *--submission*)
            exec >>"$directory/events"
            say '{"event":"started","submission":'${10}',"node":"n1"}' ;;
        esac
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
            mkdir -p -m 700 "$(dirname "$0")/.stade-$id.partial"
            printf '1\\n%s\\n1\\n\\n' "$id" >"$(dirname "$0")/.stade-$id.partial/.stade-job"
            kill -KILL $$ ;;
        silent*) exit 3 ;;
        published*)
            mkdir "$(dirname "$0")/out"
            mkdir "$directory/checkpoint"
            set -- $(stat -c '%d %i' "$(dirname "$0")/out")
            say '{"outputs": [{"path": "out", "device": '$1', "inode": '$2'}]}' \\
                >"$directory/checkpoint/outputs.json"
            kill -SEGV $$ ;;
        planned*)
            say '{"event":"planned","threads":1,"memory":1000000}'
            trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM; while :; do sleep 0.05; done ;;
        large*)
            # How much memory it may have.
            while [ "$1" != --memory ]; do shift; done
            if [ "$2" -lt 3000000 ]; then
                say '{"event":"failed","reason":"needs more","exit_code":78,"memory":3000000}'
                exit 78
            fi
            say '{"event":"done","outputs":[]}' ;;
        steps*)
            if [ "$(grep -c steps "$(dirname "$0")/ran")" -ge 6 ]; then
                say '{"event":"done","outputs":[]}'
            else
                say '{"event":"resumed","block":1,"blocks":4}'
                say '{"event":"kept","block":2,"blocks":4}'
                kill -KILL $$
            fi ;;
        slice*)
            if [ "$(grep -c slice "$(dirname "$0")/ran")" -ge 2 ]; then
                say '{"event":"done","outputs":[]}'
            else
                trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM
                mkdir -p "$directory/checkpoint"; echo '{}' >"$directory/checkpoint/progress.json"
                say '{"event":"kept","block":2,"blocks":4}'
                while :; do sleep 0.05; done
            fi ;;
        stuck*)
            trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM
            say '{"event":"message","text":"ready"}'
            while :; do sleep 0.05; done ;;
        again*)
            if [ "$(grep -c again "$(dirname "$0")/ran")" -ge 2 ]; then
                say '{"event":"done","outputs":[]}'
            else
                while :; do sleep 0.05; done
            fi ;;
        resumed*)
            say '{"event":"resumed","block":1,"blocks":4}'
            trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM; while :; do sleep 0.05; done ;;
        memory*) exit 71 ;;
        limited*)
            leaf=$(dirname "$0")/cgroup/job-$id
            until [ -s "$leaf/cgroup.procs" ]; do sleep 0.01; done
            printf 'low 0\\noom_kill 1\\n' >"$leaf/memory.events"
            echo 123456789012 >"$leaf/memory.peak"
            kill -KILL $$ ;;
        keeping*)
            trap 'for i in 1 2 3 4 5 6 7 8 9 10; do say "{\\"event\\":\\"keeping\\"}"; sleep 0.1; \
            done
                echo kept >>"$(dirname "$0")/ran"; say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM
            while :; do sleep 0.05; done ;;
        session*)
            # The sixth field of proc_pid_stat(5).
            if [ "$(sed 's/.*) //' /proc/$$/stat | cut -d ' ' -f 4)" = $$ ]; then
                say '{"event":"done","outputs":[]}'
            else
                exit 3
            fi ;;
        stubborn*) trap '' TERM; while :; do sleep 0.05; done ;;
        *) trap 'say "{\\"event\\":\\"stopped\\"}"; exit 75' TERM; while :; do sleep 0.05; done ;;
        esac

        """

    /// - Parameters:
    ///   - hasControlGroup: a directory stands for the delegated tree.
    ///   - slurm: members of `executor.slurm`, whose programs are in `slurm/`; nil: it is not
    ///     offered.
    init(
        _ limits: String = "{}", grace: Double = 5, hasControlGroup: Bool = false,
        slurm: String? = nil
    ) throws {
        scratch = try Scratch()
        let path = scratch.path
        configurationFile = joined(path, "staded.yaml")
        let script = joined(path, "worker.sh")
        try writeFile(script, Array(("#!/bin/sh\n" + Self.script).utf8))
        chmod(script, 0o755)
        var text = Self.configuration(path, limits)
        if let slurm {
            let members = "programs: \(path)/slurm, worker: \(script)"
            text += "executor: {slurm: {\(members)\(slurm.isEmpty ? "" : ", " + slurm)}}\n"
        }
        try writeFile(configurationFile, Array(text.utf8))
        let configuration = try Configuration.read(Array(text.utf8), file: configurationFile)
        spool = Spool(path: configuration.spool, inbox: configuration.inbox)
        var options = Daemon.Options(configurationFile: configurationFile)
        options.worker = WorkerCommand(executable: "/bin/sh", arguments: [script])
        options.grace = grace
        options.slurmInterval = 0.2
        if hasControlGroup {
            options.controlGroup = joined(path, "cgroup")
            mkdir(joined(path, "cgroup"), 0o750)
        }
        self.options = options
        daemon = Daemon(configuration, options)
    }

    static func configuration(_ path: String, _ limits: String = "{}") -> String {
        """
        version: 1
        spool: \(path)/spool
        roots: {read: [\(path)], write: [\(path)]}
        limits: \(limits)
        log: error

        """
    }

    func configuration() throws -> Configuration {
        try Configuration.read(readFile(configurationFile), file: configurationFile)
    }

    func start() throws { try daemon.start(readFile(configurationFile)) }

    /// Renames a manifest into the inbox.
    func submit(_ name: String, _ more: String = "", owner: UInt32? = nil) throws {
        let text = """
            version: 1
            name: \(name)
            model: tiny
            output: out
            prune: {method: magnitude}
            \(more)

            """
        try drop(name + ".yaml", text, owner: owner)
    }

    func drop(_ name: String, _ text: String, owner: UInt32? = nil) throws {
        let draft = joined(spool.inbox, ".draft")
        try writeFile(draft, Array(text.utf8))
        if let owner, chown(draft, owner, gid_t.max) != 0 { throw SystemError("chown", draft) }
        guard rename(draft, joined(spool.inbox, name)) == 0 else {
            throw SystemError("rename", draft)
        }
    }

    /// A job as a daemon leaves it that dies before it calls sbatch.
    func queueByHand(_ name: String) throws {
        let id = "20250101-000000-abcdef"
        var record = JobRecord(
            id: id, state: .active, name: name, file: "\(name).yaml", uid: geteuid(),
            submitted: Clock.wall())
        record.executor = .slurm
        record.attempts = 1
        record.submission = JobRecord.Submission(count: 1)
        let directory = spool.directory(id, .active)
        if mkdir(directory, 0o750) != 0 { throw SystemError("mkdir", directory) }
        let text = """
            version: 1
            name: \(name)
            model: tiny
            output: out
            prune: {method: magnitude}
            executor: slurm

            """
        try writeFile(joined(directory, "manifest.yaml"), Array(text.utf8))
        try spool.update(record)
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
