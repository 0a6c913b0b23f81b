import Glibc
import Posix
import Spool
import Testing

@testable import Daemon

/// A directory stands for the tree: what is written there is what the kernel would be told.
@Suite struct ControlGroupTests {
    private static func text(_ path: String) -> String {
        String(decoding: (try? readFile(path)) ?? [], as: UTF8.self)
    }

    @Test func worker_getsALeafWithItsLimits() throws {
        let scratch = try ScratchDaemon("{threads: 4, memory: 2GiB}", hasControlGroup: true)
        let tree = joined(scratch.path, "cgroup")
        mkdir(joined(tree, "job-of-an-earlier-daemon"), 0o750)
        try scratch.start()
        #expect(Self.text("\(tree)/supervisor/cgroup.procs") == "\(getpid())")
        #expect(access("\(tree)/job-of-an-earlier-daemon/cgroup.kill", F_OK) == 0)
        try scratch.submit("hang", "limits: {threads: 3, memory: 1GiB}")
        #expect(eventually { scratch.ran == ["hang"] })
        let leaf = "\(tree)/job-\(try #require(scratch.jobs(.active).first).id)"
        #expect(eventually { !Self.text("\(leaf)/cgroup.procs").isEmpty })
        let process = try #require(pid_t(Self.text("\(leaf)/cgroup.procs")))
        #expect(kill(process, 0) == 0 && process != getpid())
        #expect(Self.text("\(leaf)/cpu.max") == "300000 100000")
        #expect(Self.text("\(leaf)/memory.max") == "\((1 << 30) + (1 << 28) + (1 << 30))")
        #expect(Self.text("\(leaf)/memory.oom.group") == "1")
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
        #expect(Self.text("\(leaf)/cgroup.kill") == "1")
    }

    @Test func kernelsKill_endsThatJobWithItsPeak() throws {
        let scratch = try ScratchDaemon(hasControlGroup: true)
        try scratch.start()
        try scratch.submit("limited")
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.done).count == 1 && scratch.jobs(.failed).count == 1 })
        #expect(scratch.ran == ["limited", "ok"])
        let failed = try #require(scratch.jobs(.failed).first)
        // Far above what this process itself takes, which a child that it starts begins with.
        #expect(failed.peakMemory == 123_456_789_012)
        #expect(
            failed.reason?.hasPrefix("ran out of memory at block 3 of 4, with 115.0 GiB") == true)
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    @Test func treeThatIsNotThere_isDoneWithout() throws {
        let scratch = try ScratchDaemon(hasControlGroup: true)
        #expect(rmdir(joined(scratch.path, "cgroup")) == 0)
        try scratch.start()
        try scratch.submit("ok")
        #expect(eventually { scratch.jobs(.done).count == 1 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }

    /// Where this process may make a group of the kernel's own.
    static let realTree: String? = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].first {
        access("\($0)/cgroup.procs", W_OK) == 0
    }

    @Test(.enabled(if: realTree != nil, "no cgroup v2 tree may be written here"))
    func kernelsLeaf_holdsTheProcessAndGoesWithIt() throws {
        let path = joined(try #require(Self.realTree), "stade-test-\(getpid())")
        let leaf = try ControlGroup(path, memory: 1 << 30, threads: 1)
        let scratch = try ScratchDaemon(grace: 0.5)
        try scratch.start()
        try scratch.submit("stubborn")
        #expect(eventually { scratch.ran == ["stubborn"] })
        let process = try #require(
            scratch.daemon.turns.queue.sync {
                scratch.daemon.workers.running.values.first?.process.identifier
            })
        try leaf.add(process)
        #expect(Self.text("\(path)/cgroup.procs").contains("\(process)"))
        // Whoever is in it goes with it, which for the daemon is a crash like any other.
        #expect(eventually { leaf.remove() == nil })
        #expect(access(path, F_OK) != 0)
        #expect(eventually { scratch.ran.count == 2 })
        scratch.daemon.stop()
        #expect(scratch.daemon.wait() == .done)
    }
}
