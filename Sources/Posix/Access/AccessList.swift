/// `system.posix_acl_access`: a file's access control list, acl(5).
///
/// Source: `linux/posix_acl_xattr.h` for the bytes, `acl_permission_check` and
/// `posix_acl_permission` of the kernel for who may what.
struct AccessList: Sendable, Hashable {
    struct Entry: Sendable, Hashable {
        let tag: UInt16
        let rights: UInt32
        /// Of a named user or group.
        let id: UInt32
    }

    static let (owner, user, owningGroup, group, mask, other):
        (
            UInt16, UInt16, UInt16, UInt16, UInt16, UInt16
        ) = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20)

    let entries: [Entry]

    /// - Returns: nil where the bytes are no list of version 2, or one that acl(5) calls invalid.
    init?(_ bytes: [UInt8]) {
        func number(_ offset: Int, _ count: Int) -> UInt32 {
            (0..<count).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
        }
        guard bytes.count >= 4, bytes.count % 8 == 4, number(0, 4) == 2 else { return nil }
        let entries = stride(from: 4, to: bytes.count, by: 8).map {
            Entry(
                tag: UInt16(number($0, 2)), rights: number($0 + 2, 2), id: number($0 + 4, 4))
        }
        func count(_ tag: UInt16) -> Int { entries.count { $0.tag == tag } }
        let known = [Self.owner, Self.user, Self.owningGroup, Self.group, Self.mask, Self.other]
        let isNaming = count(Self.user) + count(Self.group) > 0
        guard entries.allSatisfy({ known.contains($0.tag) && $0.rights <= 7 }),
            [Self.owner, Self.owningGroup, Self.other].allSatisfy({ count($0) == 1 }),
            count(Self.mask) <= 1, !isNaming || count(Self.mask) == 1
        else { return nil }
        self.entries = entries
    }

    /// The rights that `list` gives to somebody who is not the file's owner.
    func allows(
        _ wanted: UInt32, uid: UInt32, groups: Set<UInt32>, owningGroup: UInt32
    ) -> Bool {
        let mask = entries.first { $0.tag == Self.mask }?.rights ?? 7
        if let entry = entries.first(where: { $0.tag == Self.user && $0.id == uid }) {
            return entry.rights & mask & wanted == wanted
        }
        let own = entries.filter {
            $0.tag == Self.owningGroup && groups.contains(owningGroup)
                || $0.tag == Self.group && groups.contains($0.id)
        }
        // One entry must have all that is wanted: those of two groups do not add up.
        if !own.isEmpty { return own.contains { $0.rights & mask & wanted == wanted } }
        let other = entries.first { $0.tag == Self.other }?.rights ?? 0
        return other & wanted == wanted
    }
}
