import CLinux
import Glibc

/// What a process and all that it starts may open from now on: landlock(7). There is no way back.
package enum Landlock {
    /// The version of the interface; 0 where the kernel has none, or it is switched off, or it is
    /// the first one (Linux 5.13 to 5.18), under which nothing can be renamed into another
    /// directory.
    package static var version: Int {
        let version = Int(stade_landlock_version())
        return version < 2 ? 0 : version
    }

    private static let read: UInt64 = 1 << 2 | 1 << 3
    private static let execute: UInt64 = 1 << 0

    /// Leaves this thread, and those that it starts later, only these files and directories with
    /// all that is below them. They are open already: it is what was looked at that stays within
    /// reach, whatever its path leads to by now.
    /// - Returns: false where the kernel cannot do this, and nothing has changed.
    package static func confine(
        reading: [OpenFile], executing: [OpenFile], writing: [OpenFile]
    ) throws(SystemError) -> Bool {
        let version = version
        guard version > 0 else { return false }
        // What came later is not known to older kernels: moving between directories, truncating,
        // ioctl(2) on devices.
        let all: UInt64 =
            version >= 5 ? 0xffff : version >= 3 ? 0x7fff : 0x3fff
        let rules = stade_landlock_create(all, CInt(version))
        if rules < 0 { throw SystemError("landlock_create_ruleset", "/") }
        defer { close(rules) }
        for (files, rights) in [
            (reading, read), (executing, read | execute), (writing, all & ~execute),
        ] {
            for file in files { try allow(file, rights, rules) }
        }
        if stade_landlock_restrict(rules) != 0 { throw SystemError("landlock_restrict_self", "/") }
        return true
    }

    private static func allow(
        _ file: OpenFile, _ rights: UInt64, _ rules: CInt
    ) throws(SystemError) {
        // To read, write, truncate and execute; the rest is about directories.
        let ofFiles: UInt64 = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14
        let isDirectory = try file.status().st_mode & S_IFMT == S_IFDIR
        if stade_landlock_allow(
            rules, file.descriptor, isDirectory ? rights : rights & ofFiles) != 0
        {
            throw SystemError("landlock_add_rule", file.path)
        }
    }
}
