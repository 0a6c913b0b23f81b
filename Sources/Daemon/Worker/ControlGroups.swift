import CLinux
import Glibc
import Posix

/// The cgroup v2 tree below the daemon, where its service manager has delegated one: `Delegate=` of
/// systemd.resource-control(5). A group with controllers has no processes of its own, so the daemon
/// sits in `supervisor/` and each worker in a leaf beside it.
struct ControlGroups {
    /// The unit's own group.
    let path: String
    private static let supervisor = "supervisor"
    private static let leafPrefix = "job-"

    /// Takes over a delegated tree: to be called before readiness is reported, while the daemon has
    /// no children.
    /// - Throws: where the tree is not what it should be; the daemon then goes without.
    init(_ path: String) throws(SystemError) {
        self.path = path
        let own = joined(path, Self.supervisor)
        if mkdir(own, 0o755) != 0, errno != EEXIST {
            throw SystemError("make the control group", own)
        }
        if let error = Self.write("\(getpid())", to: joined(own, "cgroup.procs")) { throw error }
        // One at a time: what is not there must not keep the others away.
        for controller in ["memory", "cpu", "pids"] {
            _ = Self.write("+\(controller)", to: joined(path, "cgroup.subtree_control"))
        }
        // Of an earlier daemon, whose workers died with it.
        let directory = try File(path, O_RDONLY | O_DIRECTORY)
        for name in try DirectoryEntry.list(directory).compactMap(\.name)
        where name.hasPrefix(Self.leafPrefix) {
            ControlGroup(existing: joined(path, name)).remove()
        }
    }

    func leaf(_ id: String, memory: Int, threads: Int) throws(SystemError) -> ControlGroup {
        try ControlGroup(
            joined(path, Self.leafPrefix + id), memory: memory, threads: threads)
    }

    /// The group that systemd has delegated to this process; nil where there is none. cgroups(7),
    /// and the extended attribute `user.delegate` that systemd sets on what it delegates.
    static var delegated: String? {
        // Run by hand, the group is the terminal's.
        guard getenv("INVOCATION_ID") != nil,
            let bytes = try? readFile("/proc/self/cgroup", limit: 1 << 16)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("0::/") }) else {
            return nil
        }
        var path = joined("/sys/fs/cgroup", String(line.dropFirst(4)))
        // Where the daemon has been restarted in place.
        if path.hasSuffix("/" + supervisor) { path.removeLast(supervisor.utf8.count + 1) }
        guard access(joined(path, "cgroup.subtree_control"), W_OK) == 0,
            stade_is_delegated(path) != 0 || isOwnedByAccount(path)
        else { return nil }
        return path
    }

    /// systemd hands a delegated group to `User=`, and none else belongs to an ordinary account.
    private static func isOwnedByAccount(_ path: String) -> Bool {
        var status = stat()
        return geteuid() != 0 && stat(path, &status) == 0 && status.st_uid == geteuid()
    }

    static func write(_ text: String, to path: String) -> SystemError? {
        do throws(SystemError) {
            // Created only where a plain directory stands for the tree.
            let file = try File(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW)
            try file.write(Array(text.utf8), at: 0)
            return nil
        } catch {
            return error
        }
    }
}

extension ControlGroup {
    fileprivate init(existing path: String) { self.path = path }
}
