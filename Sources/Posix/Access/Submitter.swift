import Glibc

/// Whose rights a manifest has: the owner of the submitted file.
///
/// The daemon may read and write more than any one of its users, so it has to ask itself what they
/// could do without it. Judged by owner, group, mode and access control list, as the kernel does
/// it: path_resolution(7), acl(5). Where a list cannot be read, the group's bits count as none.
package struct Submitter: Sendable, Hashable {
    package let uid: UInt32
    package let groups: Set<UInt32>

    /// With the groups that the account has: getpwuid_r(3), getgrouplist(3). An owner without an
    /// account has none.
    package init(uid: UInt32) {
        self.uid = uid
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, found != nil,
            let name = entry.pw_name
        else {
            groups = []
            return
        }
        var count: Int32 = 256
        var list = [gid_t](repeating: 0, count: Int(count))
        if getgrouplist(name, entry.pw_gid, &list, &count) < 0 {
            // Now it says how many there are.
            list = [gid_t](repeating: 0, count: max(1, Int(count)))
            if getgrouplist(name, entry.pw_gid, &list, &count) < 0 { count = 0 }
        }
        groups = Set(list.prefix(max(0, Int(count))))
    }

    package init(uid: UInt32, groups: Set<UInt32>) {
        self.uid = uid
        self.groups = groups
    }

    /// Bits of a mode: of the owner's, the group's or the others' three.
    package struct Rights: OptionSet, Sendable, Hashable {
        package let rawValue: UInt32
        package init(rawValue: UInt32) { self.rawValue = rawValue }

        package static let read = Rights(rawValue: 4)
        package static let write = Rights(rawValue: 2)
        /// Of a directory: to pass through it.
        package static let search = Rights(rawValue: 1)
    }

    /// Whether all of `rights` are this user's. The daemon's own account is judged like any other.
    package func has(_ rights: Rights, _ access: FileAccess) -> Bool {
        // What this process may not do either, the system refuses without our help.
        uid == 0 || access.allows(rights.rawValue, uid: uid, groups: groups)
    }
}

/// The account's name, or `user 1000` where it has none: getpwuid_r(3).
package func userName(_ uid: UInt32) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    guard getpwuid_r(uid, &entry, &buffer, buffer.count, &found) == 0, found != nil,
        let name = entry.pw_name
    else { return "user \(uid)" }
    return escaped(String(cString: name), limit: 64)
}
