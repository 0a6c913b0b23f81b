import CLinux
import Glibc

/// What a file says of who may use it: owner, group, mode, and its access control list.
package struct FileAccess: Sendable {
    enum List: Sendable, Hashable {
        case none
        case entries(AccessList)
        /// There is one that cannot be read, or is of a kind that is not known here.
        case unknown
    }

    let mode: mode_t
    private let owner: uid_t
    private let group: gid_t
    let list: List

    /// - Parameter file: may be named only, `O_PATH`.
    package init(_ file: borrowing File) throws(SystemError) {
        try self.init(descriptor: file.descriptor, path: file.path)
    }

    /// - Parameter path: for messages only.
    package init(descriptor: CInt, path: String) throws(SystemError) {
        var status = stat()
        if fstat(descriptor, &status) != 0 { throw SystemError("fstat", path) }
        self.init(status, Self.list(descriptor))
    }

    init(_ status: stat, _ list: List) {
        mode = status.st_mode
        owner = status.st_uid
        group = status.st_gid
        self.list = list
    }

    /// What the kernel would say to somebody who is not root.
    func allows(_ wanted: UInt32, uid: UInt32, groups: Set<UInt32>) -> Bool {
        if owner == uid { return mode >> 6 & wanted == wanted }
        switch list {
        // The kernel looks at a list only where the group's bits, its mask, are not all clear.
        case .entries(let list) where mode & 0o070 != 0:
            return list.allows(wanted, uid: uid, groups: groups, owningGroup: group)
        case .unknown where groups.contains(group): return false
        default:
            let shift: mode_t = groups.contains(group) ? 3 : 0
            return mode >> shift & wanted == wanted
        }
    }

    private static let posix = "system.posix_acl_access"
    /// Lists that only their own file systems can evaluate.
    private static let others = ["system.nfs4_acl", "system.richacl", "system.cifs_acl"]

    private static func list(_ descriptor: CInt) -> List {
        switch attribute(posix, descriptor) {
        case .value(let bytes): return AccessList(bytes).map { .entries($0) } ?? .unknown
        case .failure: return .unknown
        case .absent: break
        }
        for name in others {
            if case .absent = attribute(name, descriptor) { continue }
            return .unknown
        }
        return .none
    }

    private enum Attribute {
        case value([UInt8])
        case absent
        case failure
    }

    /// fgetxattr(2), and for a descriptor that only names its file getxattr(2) by /proc.
    private static func attribute(_ name: String, _ descriptor: CInt) -> Attribute {
        // As much as an attribute can hold: XATTR_SIZE_MAX.
        for size in [512, 65536] {
            var bytes = [UInt8](repeating: 0, count: size)
            var count = fgetxattr(descriptor, name, &bytes, size)
            if count < 0, errno == EBADF {
                count = getxattr("/proc/self/fd/\(descriptor)", name, &bytes, size)
            }
            if count >= 0 { return .value(Array(bytes[..<count])) }
            switch errno {
            case ENODATA, EOPNOTSUPP: return .absent
            case ERANGE: continue
            default: return .failure
            }
        }
        return .failure
    }
}
