import Daemon
import Glibc
import Posix
import Spool
import Testing

/// The programs themselves.
@Suite struct ProgramTests {
    private static func daemon(_ scratch: ScratchDaemon, _ environment: [String] = []) throws
        -> Program
    {
        try Program(
            "staded", ["--config", scratch.configurationFile],
            output: joined(scratch.path, "log"), environment: environment)
    }

    private static func stadectl(_ scratch: ScratchDaemon, _ words: String...) throws -> (
        CInt, String
    ) {
        let file = joined(scratch.path, "output")
        unlink(file)
        let program = try Program("stadectl", words, output: file)
        return (program.wait(), program.output)
    }

    @Test func daemon_tellsItsManagerWhatItDoes() throws {
        let scratch = try ScratchDaemon()
        let manager = try NotifySocket(in: scratch.path)
        let daemon = try Self.daemon(
            scratch, ["NOTIFY_SOCKET=\(manager.path)", "WATCHDOG_USEC=1000000"])
        #expect(eventually { manager.has("READY=1") })
        #expect(manager.has("STATUS=idle; 0 queued"))
        #expect(
            eventually {
                manager.received.count { $0 == "WATCHDOG=1" } >= 3 || !manager.has("READY")
            })
        #expect(kill(daemon.identifier, SIGHUP) == 0)
        #expect(eventually { manager.has("RELOADING=1") && manager.has("MONOTONIC_USEC=") })
        #expect(
            eventually {
                _ = manager.has(""); return manager.received.count { $0 == "READY=1" } == 2
            })
        #expect(kill(daemon.identifier, SIGTERM) == 0)
        #expect(daemon.wait() == 0)
        #expect(manager.has("STOPPING=1"))
    }

    @Test func stoppedWhileItStarts_endsAsEver() throws {
        for _ in 0..<8 {
            let scratch = try ScratchDaemon()
            let daemon = try Self.daemon(scratch)
            // The spool is taken at the beginning of the start.
            while scratch.lockHolder.isEmpty && daemon.ended == nil { usleep(100) }
            #expect(kill(daemon.identifier, SIGTERM) == 0)
            #expect(daemon.wait() == 0)
        }
    }

    @Test("fault 60: a second daemon on a spool exits with 78") func secondDaemon_exits78() throws {
        let scratch = try ScratchDaemon()
        let first = try Self.daemon(scratch)
        #expect(
            eventually { access(scratch.spool.inbox, F_OK) == 0 && !scratch.lockHolder.isEmpty })
        let second = try Program(
            "staded", ["--config", scratch.configurationFile],
            output: joined(scratch.path, "second"))
        #expect(second.wait() == 78)
        #expect(second.output.hasPrefix("staded: "))
        #expect(second.output.contains("process \(first.identifier)"))
        #expect(second.output.split(separator: "\n").count == 1)
        kill(first.identifier, SIGTERM)
        #expect(first.wait() == 0)
    }

    @Test("fault 58: without a service manager it runs the same")
    func daemon_withoutSystemd_logsToStandardError() throws {
        let scratch = try ScratchDaemon()
        let daemon = try Self.daemon(scratch)
        #expect(eventually { !scratch.lockHolder.isEmpty })
        try scratch.drop("broken.yaml", "version: 1\nmodel: x\nmodel: y\n")
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        let text = ScratchDaemon.configuration(scratch.path).replacingLevel("info")
        try writeFile(scratch.configurationFile, Array(text.utf8))
        kill(daemon.identifier, SIGHUP)
        #expect(eventually { daemon.output.contains("<5>the configuration was read anew") })
        try scratch.drop("worse.yaml", "version: 1\nmodel: x\nmodel: y\n")
        #expect(eventually { daemon.output.contains("<4>rejected: worse.yaml:3:1: ") })
        kill(daemon.identifier, SIGINT)
        #expect(daemon.wait() == 0)
    }

    @Test func check_exitsWith78WhereTheConfigurationIsWrong() throws {
        let scratch = try ScratchDaemon()
        let file = scratch.configurationFile
        let right = try Program("staded", ["--check", "--config", file], output: file + ".1")
        #expect(right.wait() == 0)
        try writeFile(file, Array("version: 1\nspol: /x\n".utf8))
        let wrong = try Program("staded", ["--check", "--config", file], output: file + ".2")
        #expect(wrong.wait() == 78)
        #expect(wrong.output.hasPrefix("staded: \(file):2:1: "))
    }

    @Test func stadectl_submitsListsAndShows() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        let manifest = joined(scratch.path, "hang-a.yaml")
        try writeFile(
            manifest,
            Array("version: 1\nmodel: m\noutput: o\nprune: {method: magnitude}\n".utf8))
        let configuration = "--config=\(scratch.configurationFile)"
        #expect(
            try Self.stadectl(scratch, "submit", manifest, configuration) == (0, "hang-a.yaml\n"))
        #expect(eventually { scratch.jobs(.active).count == 1 })
        let job = try #require(scratch.jobs(.active).first)
        let list = try Self.stadectl(scratch, "list", configuration)
        #expect(list.0 == 0 && list.1.contains(job.id) && list.1.contains("active"))
        for key in [job.id, String(job.id.prefix(17)), "hang-a"] {
            let show = try Self.stadectl(scratch, "show", key, configuration)
            #expect(show.0 == 0 && show.1.contains("name       hang-a"))
        }
        let json = try Self.stadectl(scratch, "show", "hang-a", "--json", configuration)
        #expect(json.0 == 0 && json.1.contains("\"state\": \"active\""))
        let cancelled = try Self.stadectl(scratch, "cancel", "hang-a", configuration)
        #expect(cancelled == (0, "asked to cancel \(job.id): granted\n"))
        #expect(eventually { scratch.jobs(.failed).count == 1 })
        let refused = try Self.stadectl(scratch, "hold", "hang-a", configuration)
        #expect(refused.0 == 77 && refused.1.hasSuffix("was refused: it is failed\n"))
        let watched = try Self.stadectl(scratch, "watch", "hang-a", configuration)
        #expect(watched.0 == 75 && watched.1.hasPrefix("failed: cancelled by "))
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func stadectl_drainsAndReloads() throws {
        let scratch = try ScratchDaemon()
        try scratch.start()
        let configuration = "--config=\(scratch.configurationFile)"
        #expect(try Self.stadectl(scratch, "drain", configuration).0 == 0)
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.queued).count == 1 })
        usleep(200_000)
        #expect(scratch.ran.isEmpty && scratch.spool.isDrained)
        #expect(try Self.stadectl(scratch, "drain", "--off", configuration).0 == 0)
        #expect(eventually { scratch.jobs(.done).count == 1 })
        #expect(try Self.stadectl(scratch, "reload", configuration).0 == 0)
        let text = ScratchDaemon.configuration(scratch.path) + "histroy: {}\n"
        try writeFile(scratch.configurationFile, Array(text.utf8))
        let spool = "--spool=\(scratch.spool.path)"
        let wrong = try Self.stadectl(scratch, "reload", spool)
        #expect(wrong.0 == 78 && wrong.1.contains("did you mean 'history'?"))
        let metrics = String(
            decoding: try readFile(joined(scratch.spool.path, "metrics.prom")), as: UTF8.self)
        #expect(metrics.contains("stade_jobs{state=\"queued\"} "))
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        let last = String(
            decoding: try readFile(joined(scratch.spool.path, "metrics.prom")), as: UTF8.self)
        #expect(last.contains("stade_events_total{event=\"job_finished\"} 1\n"))
        #expect(last.contains("stade_events_total{event=\"reload_refused\"} 1\n"))
        #expect(last.contains("stade_jobs{state=\"queued\"} 0\n"))
        let unanswered = try Self.stadectl(scratch, "reload", spool)
        #expect(unanswered.0 == 75)
    }

    @Test(arguments: [
        (["frobnicate"], 64, "unknown command"), (["lst"], 64, "did you mean 'list'?"),
        (["list", "--jsno"], 64, "did you mean '--json'?"), ([], 64, "no command"),
        (["show", "--spool", "/nonexistent", "x"], 66, "/nonexistent"),
        (["prune"], 64, "manifest is missing"),
        (["prune", "/nonexistent.yaml"], 66, "cannot open"),
        (["prune", "-"], 78, "stdin"), (["submit", "a", "b"], 64, "one argument too many"),
        (["list", "--spool"], 64, "needs a value"), (["list", "--json=1"], 64, "takes no value"),
    ])
    func stadectl_saysWhatIsWrongInOneLine(_ words: [String], _ code: Int, _ text: String) throws {
        let scratch = try ScratchDaemon()
        let program = try Program("stadectl", words, output: joined(scratch.path, "output"))
        #expect(program.wait() == CInt(code))
        #expect(program.output.hasPrefix("stadectl: "))
        #expect(program.output.contains(text))
        #expect(program.output.split(separator: "\n").count == 1)
    }

    @Test(arguments: [
        "prune", "validate", "submit", "list", "show", "watch", "cancel", "hold", "release",
        "retry", "drain", "reload",
    ])
    func stadectl_explainsEachCommand(_ command: String) throws {
        let scratch = try ScratchDaemon()
        let (code, text) = try Self.stadectl(scratch, command, "--help")
        #expect(code == 0 && text.hasPrefix("usage: stadectl \(command) "))
        #expect(try Self.stadectl(scratch, "--help").1.contains("  \(command) "))
    }
}

extension ScratchDaemon {
    fileprivate var lockHolder: String {
        String(decoding: (try? readFile(joined(spool.path, "lock"))) ?? [], as: UTF8.self)
    }
}

extension String {
    fileprivate func replacingLevel(_ level: String) -> String {
        split(separator: "\n").filter { !$0.hasPrefix("log:") }.joined(separator: "\n")
            + "\nlog: \(level)\n"
    }
}
