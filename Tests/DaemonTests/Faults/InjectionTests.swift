import Glibc
import Posix
import Spool
import Testing

/// A short job, disturbed at one system call after the other by `Tests/Faults/shim.c`.
@Suite(.serialized) struct InjectionTests {
    /// How many of `calls` an undisturbed run makes.
    private static func total(_ calls: FaultShim.Calls) throws -> Int {
        let box = try FaultBox()
        let shim = try FaultShim(in: box.path, root: box.root)
        shim.arm(.count, calls)
        let daemon = try box.start(shim.environment())
        try #require(box.awaitStart(daemon))
        try box.drop()
        try #require(
            eventually(within: 60) { box.jobs(.done).count == 1 }, "\(daemon.output)")
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
        #expect(box.objections(try FaultBox.reference.get()) == [])
        return shim.count
    }

    @Test("fault 43: killed at any system call, exactly one result")
    func kill_atAnyCall() throws {
        let calls: FaultShim.Calls = isSoak ? [.changes, .open, .close] : .changes
        let total = try Self.total(calls)
        #expect(total > 100)
        let reference = try FaultBox.reference.get()
        let actions: [FaultShim.Action] = [.kill, .down]
        let tries = points(total, sample: 24, seed: 1).flatMap { point in
            (isSoak ? actions : [actions[point % 2]]).map { (point, $0) }
        }
        let problems = inParallel(tries) { point, action in
            let name = "\(action) at call \(point) of \(total)"
            do {
                let box = try FaultBox()
                let shim = try FaultShim(in: box.path, root: box.root)
                shim.arm(action, at: point, calls)
                let daemon = try box.start(shim.environment())
                guard box.awaitStart(daemon) else { return ["\(name): no start"] }
                try box.drop()
                guard eventually(within: 60, { daemon.ended != nil || box.isSettled }) else {
                    return ["\(name): stuck: \(daemon.output)"]
                }
                if daemon.ended == nil {
                    kill(daemon.identifier, SIGTERM)
                    _ = daemon.wait()
                }
                if box.jobs(.done).isEmpty { try box.finish() }
                return box.objections(reference).map { "\(name): \($0): \(daemon.output)" }
            } catch {
                return ["\(name): \(error)"]
            }
        }
        print("killed at \(tries.count) of \(total) calls")
        #expect(problems == [])
    }

    struct Failing: Sendable, CustomTestStringConvertible {
        let error: CInt
        let name: String
        let calls: FaultShim.Calls

        var testDescription: String { name }
    }

    static let failing = [
        Failing(
            error: ENOSPC, name: "ENOSPC",
            calls: [.create, .write, .sync, .rename, .mkdir, .size]),
        Failing(
            error: EDQUOT, name: "EDQUOT",
            calls: [.create, .write, .sync, .rename, .mkdir, .size]),
        Failing(error: EIO, name: "EIO", calls: [.write, .sync, .close]),
        Failing(error: EMFILE, name: "EMFILE", calls: [.open, .create]),
    ]

    @Test("faults 46, 47, 48, 49: ENOSPC, EDQUOT, EIO and EMFILE at any call", arguments: failing)
    func error_atAnyCall(_ failing: Failing) throws {
        let total = try Self.total(failing.calls)
        let reference = try FaultBox.reference.get()
        let tries = points(total, sample: 10, seed: Int(failing.error))
        let problems = inParallel(tries, width: 7) { point in
            let name = "\(failing.name) at call \(point) of \(total)"
            do {
                let box = try FaultBox()
                let shim = try FaultShim(in: box.path, root: box.root)
                shim.arm(.error, at: point, failing.calls, errno: failing.error)
                let daemon = try box.start(shim.environment())
                guard box.awaitStart(daemon) else { return ["\(name): no start"] }
                try box.drop()
                guard eventually(within: 60, { daemon.ended != nil || box.isSettled }) else {
                    return ["\(name): stuck: \(daemon.output)"]
                }
                var problems: [String] = []
                if let code = daemon.ended {
                    // Before it was ready it may give up. Afterwards only where the disk can no
                    // longer be relied on: the service manager starts it again.
                    let isReady = daemon.output.contains(" works on ")
                    if code == 0 || code >= 128 || (isReady && failing.error != EIO) {
                        problems.append("the daemon ended with \(code)")
                    }
                } else {
                    for job in box.jobs(.failed) + box.jobs(.deferred) {
                        if job.reason == nil { problems.append("no reason") }
                        // A lack that passes is no failure.
                        if job.state == .failed, failing.error != EIO {
                            problems.append("failed: \(job.reason ?? "")")
                        }
                    }
                    kill(daemon.identifier, SIGTERM)
                    let code = daemon.wait()
                    // It may have been about to stop by itself.
                    if code != 0, failing.error != EIO { problems.append("stopped with \(code)") }
                }
                if box.jobs(.done).isEmpty { try box.finish() }
                problems += box.objections(reference)
                return problems.map { "\(name): \($0): \(daemon.output)" }
            } catch {
                return ["\(name): \(error)"]
            }
        }
        print("\(failing.name) at \(tries.count) of \(total) calls")
        #expect(problems == [])
    }

    enum Place: String, CaseIterable, Sendable { case spool, out }

    @Test("fault 46: a full spool or output, and room again", arguments: Place.allCases)
    func fullDisk_thatGetsRoomAgain(_ place: Place) throws {
        let box = try FaultBox()
        let shim = try FaultShim(in: box.path, root: joined(box.root, place.rawValue))
        // Full from the start for outputs; for the spool, when the job has begun.
        let call = place == .out ? 1 : 40
        shim.arm(
            .error, at: call, [.create, .write, .rename, .mkdir, .size], errno: ENOSPC,
            isSticky: true)
        let daemon = try box.start(shim.environment())
        try #require(box.awaitStart(daemon))
        try box.drop()
        #expect(
            eventually {
                place == .out ? box.jobs(.deferred).count == 1 : daemon.output.contains("No space")
            }, "\(daemon.output)")
        if place == .out {
            #expect(box.jobs(.deferred).first?.reason?.contains("No space left") == true)
        }
        #expect(daemon.ended == nil)
        shim.relent()
        if let id = box.jobs(.deferred).first?.id { try box.ask(.retry, id) }
        #expect(
            eventually(within: 30) { box.jobs(.done).count == 1 }, "\(daemon.output)")
        #expect(shim.hits > 0)
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
        #expect(box.objections(try FaultBox.reference.get()) == [])
    }

    @Test("fault 46: messages that find no room") func fullJournal_stopsNothing() throws {
        let box = try FaultBox(level: "debug")
        let daemon = try box.start(output: "/dev/full")
        #expect(eventually { access(joined(box.spool.path, "lock"), F_OK) == 0 })
        try box.drop()
        #expect(eventually(within: 30) { box.jobs(.done).count == 1 })
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test("fault 57: a journal that is absent or hangs stalls nothing", arguments: [false, true])
    func journal_thatDoesNotAnswer(_ hangs: Bool) throws {
        let box = try FaultBox(level: "debug")
        let log = joined(box.path, "stream")
        try writeFile(log, [])
        var status = stat()
        try #require(stat(log, &status) == 0)
        // As under systemd: what is not sent to the journal's socket is sent nowhere.
        var environment = ["JOURNAL_STREAM=\(status.st_dev):\(status.st_ino)"]
        let shim = try FaultShim(in: box.path, root: box.root)
        shim.arm(.count)
        if hangs {
            shim.muteJournal(true)
            environment += try shim.environment()
        }
        let daemon = try box.start(environment, output: log)
        #expect(eventually { access(joined(box.spool.path, "lock"), F_OK) == 0 })
        try box.drop()
        #expect(eventually(within: 30) { box.jobs(.done).count == 1 })
        kill(daemon.identifier, SIGTERM)
        #expect(eventually { daemon.ended == 0 })
        #expect(box.objections(try FaultBox.reference.get()) == [])
    }

    @Test("fault 54: without inotify watches it says so, and looks all the same")
    func watches_thatAreUsedUp() throws {
        let box = try FaultBox()
        let shim = try FaultShim(in: box.path, root: box.root)
        shim.hideWatches()
        let daemon = try box.start(shim.environment())
        try #require(box.awaitStart(daemon))
        #expect(daemon.output.contains("fs.inotify.max_user_watches"))
        #expect(!daemon.output.contains("No space left"))
        try box.drop()
        #expect(eventually(within: 30) { box.jobs(.done).count == 1 })
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test("fault 41: a model cut short while it is mapped ends its job, not the daemon")
    func model_thatIsTruncated() throws {
        // The model has been checked and mapped when the job makes its output's directory.
        let (box, _, daemon, worker) = try boxWithStoppedWorker(.mkdir)
        #expect(truncate(joined(box.path, "in/model/model.safetensors"), 65536) == 0)
        kill(worker, SIGCONT)
        #expect(eventually { box.jobs(.failed).count == 1 }, "\(daemon.output)")
        #expect(daemon.output.contains("signal 7 (BUS)"), "\(daemon.output)")
        #expect(daemon.output.contains("a file may have been cut short"))
        #expect(box.jobs(.failed).first?.reason?.contains("model.safetensors") == true)
        #expect(daemon.ended == nil)
        #expect(try box.names(joined(box.root, "out")) == [])
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    /// A box whose worker stands still at the first of `calls` about the output.
    private func boxWithStoppedWorker(
        _ calls: FaultShim.Calls, _ manifest: String = FaultBox.manifest
    ) throws -> (FaultBox, FaultShim, Program, worker: pid_t) {
        let box = try FaultBox()
        let shim = try FaultShim(in: box.path, root: joined(box.root, "out"))
        shim.arm(.stop, at: 1, calls)
        let daemon = try box.start(shim.environment())
        try #require(box.awaitStart(daemon))
        try box.drop("short.yaml", manifest)
        try #require(eventually { shim.hits == 1 }, "\(daemon.output)")
        return (box, shim, daemon, try #require(child(of: daemon.identifier)))
    }

    @Test("fault 59: a clock that is stepped by a day times nothing out", arguments: [-1, 1])
    func clock_thatIsStepped(_ days: Int32) throws {
        let (box, shim, daemon, worker) = try boxWithStoppedWorker(
            .mkdir, FaultBox.manifest.replacing("limits: {threads: 1}", "limits: {time: 1h}"))
        shim.step(seconds: days * 86400)
        // The limits are looked at every second.
        usleep(1_500_000)
        kill(worker, SIGCONT)
        #expect(eventually { box.jobs(.done).count == 1 }, "\(daemon.output)")
        try box.drop("again.yaml", "version: 1\nmodel: x\nmodle: y\n")
        #expect(eventually { box.jobs(.failed).count == 1 }, "\(daemon.output)")
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test("fault 63: an output's parent that is removed during the job fails that job")
    func parent_thatIsRemoved() throws {
        let (box, _, daemon, worker) = try boxWithStoppedWorker(.sync)
        try removeTree(joined(box.root, "out"))
        kill(worker, SIGCONT)
        #expect(eventually { box.jobs(.failed).count == 1 }, "\(daemon.output)")
        #expect(box.jobs(.failed).first?.reason?.contains("/out") == true, "\(daemon.output)")
        #expect(daemon.ended == nil)
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test("fault 27: a manifest that is deleted while it is claimed is withdrawn")
    func manifest_thatIsDeleted() throws {
        let box = try FaultBox()
        let shim = try FaultShim(in: box.path, root: joined(box.root, "spool/tmp"))
        // The job's directory is made when the file has been seen, and before it is claimed.
        shim.arm(.stop, at: 1, .mkdir)
        let daemon = try box.start(shim.environment())
        try #require(box.awaitStart(daemon))
        try box.drop()
        try #require(eventually { shim.hits == 1 })
        #expect(unlink(joined(box.spool.inbox, "short.yaml")) == 0)
        kill(daemon.identifier, SIGCONT)
        #expect(eventually { daemon.output.contains("short.yaml was withdrawn") })
        #expect(try box.names(box.spool.temporary) == [])
        #expect(JobState.allCases.allSatisfy { box.jobs($0).isEmpty })
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    @Test("fault 55: after an overflow of inotify's queue the inbox is looked through")
    func watch_thatOverflows() throws {
        let box = try FaultBox()
        let daemon = try box.start()
        try #require(box.awaitStart(daemon))
        kill(daemon.identifier, SIGSTOP)
        let limit = try readFile("/proc/sys/fs/inotify/max_queued_events")
        let count = Int(String(decoding: limit, as: UTF8.self).filter(\.isNumber)) ?? 16384
        // Two names in turns, for the kernel counts the same event twice only once.
        for index in 0..<min(count + 10, 100_000) {
            try writeWithoutSync(joined(box.spool.inbox, ".noise-\(index % 2)"))
        }
        try box.drop()
        kill(daemon.identifier, SIGCONT)
        // Nobody saw it come, so it has to lie still for a while.
        #expect(eventually(within: 8) { box.jobs(.done).count == 1 }, "\(daemon.output)")
        kill(daemon.identifier, SIGTERM)
        #expect(daemon.wait() == 0)
    }

    private func writeWithoutSync(_ path: String) throws(SystemError) {
        _ = try File(path, O_WRONLY | O_CREAT)
    }

    /// The only child process: /proc/PID/task/TID/children.
    private func child(of process: pid_t) -> pid_t? {
        let tasks = "/proc/\(process)/task"
        guard let directory = try? File(tasks, O_RDONLY | O_DIRECTORY),
            let entries = try? DirectoryEntry.list(directory)
        else { return nil }
        for task in entries.compactMap(\.name) {
            let text = (try? readFile(joined(tasks, "\(task)/children"))) ?? []
            let numbers = String(decoding: text, as: UTF8.self).split(separator: " ")
            if let first = numbers.first.flatMap({ pid_t($0) }) { return first }
        }
        return nil
    }
}

extension String {
    fileprivate func replacing(_ old: String, _ new: String) -> String {
        split(separator: old, omittingEmptySubsequences: false).joined(separator: new)
    }
}
