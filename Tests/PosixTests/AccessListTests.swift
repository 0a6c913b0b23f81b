import CLinux
import Glibc
import TestSupport
import Testing

@testable import Posix

/// Access control lists, as acl(5) has them.
struct AccessListTests {
    private typealias Entry = (tag: UInt16, rights: UInt16, id: UInt32)

    private static func bytes(_ entries: [Entry], version: UInt32 = 2) -> [UInt8] {
        TestSupport.bytes(version)
            + entries.flatMap {
                TestSupport.bytes($0.tag) + TestSupport.bytes($0.rights)
                    + TestSupport.bytes($0.id)
            }
    }

    private static let none: UInt32 = .max

    @Test(
        "bytes that are no list are told from one",
        arguments: [
            ([], false), ([2, 0, 0], false), ([2, 0, 0, 0], false),
            (bytes([(1, 6, none), (4, 4, none), (32, 0, none)]), true),
            (bytes([(1, 6, none), (4, 4, none), (32, 0, none)], version: 1), false),
            (bytes([(1, 6, none), (4, 4, none), (32, 0, none)]) + [0], false),
            (bytes([(1, 6, none), (4, 4, none)]), false),
            (bytes([(1, 6, none), (1, 6, none), (4, 4, none), (32, 0, none)]), false),
            // A named user needs a mask.
            (bytes([(1, 6, none), (2, 6, 7), (4, 4, none), (32, 0, none)]), false),
            (bytes([(1, 6, none), (2, 6, 7), (4, 4, none), (16, 4, none), (32, 0, none)]), true),
            (bytes([(1, 6, none), (4, 8, none), (32, 0, none)]), false),
            (bytes([(1, 6, none), (4, 4, none), (64, 4, none), (32, 0, none)]), false),
        ] as [([UInt8], Bool)])
    func list_isWholeOrNone(_ bytes: [UInt8], _ isList: Bool) {
        #expect((AccessList(bytes) != nil) == isList)
    }

    @Test func unknownList_takesTheGroupsRights() {
        var status = stat()
        status.st_mode = S_IFREG | 0o664
        status.st_uid = 1
        status.st_gid = 7
        let member = Submitter(uid: 3, groups: [7])
        #expect(member.has(.read, FileAccess(status, .none)))
        #expect(!member.has(.read, FileAccess(status, .unknown)))
        #expect(Submitter(uid: 3, groups: []).has(.read, FileAccess(status, .unknown)))
        #expect(Submitter(uid: 1, groups: [7]).has(.write, FileAccess(status, .unknown)))
    }

    /// Random lists, and what the kernel says to real processes with these ids.
    @Test(.enabled(if: geteuid() == 0, "needs root"), arguments: [1, 2] as [UInt64])
    func rights_areTheKernels(seed: UInt64) throws {
        let scratch = try Scratch()
        chmod(scratch.path, 0o755)
        var random = Random(state: seed)
        let ids: [UInt32] = [40_001, 40_002, 40_003, 40_004]
        var names: [String] = []
        for index in 0..<150 {
            let name = "f\(index)"
            try scratch.write(name, name)
            #expect(chown(scratch[name], ids[random.below(4)], ids[random.below(4)]) == 0)
            chmod(scratch[name], mode_t(random.below(512)))
            var entries: [Entry] = [(1, UInt16(random.below(8)), Self.none)]
            let users = ids.filter { _ in random.below(3) == 0 }
            entries += users.map { (2, UInt16(random.below(8)), $0) }
            entries.append((4, UInt16(random.below(8)), Self.none))
            let groups = ids.filter { _ in random.below(3) == 0 }
            entries += groups.map { (8, UInt16(random.below(8)), $0) }
            if !users.isEmpty || !groups.isEmpty || random.below(4) == 0 {
                entries.append((16, UInt16(random.below(3) == 0 ? 0 : random.below(8)), Self.none))
            }
            entries.append((32, UInt16(random.below(8)), Self.none))
            let bytes = Self.bytes(entries)
            if random.below(5) > 0 {
                let code = setxattr(
                    scratch[name], "system.posix_acl_access", bytes, bytes.count, 0)
                // Where the file system has no lists there is nothing to compare.
                if code != 0, errno == EOPNOTSUPP { return }
                try #require(code == 0)
            }
            names.append(name)
        }
        var checked = 0
        for uid in ids {
            for groups in [[], [ids[0]], [ids[1], ids[2]], [ids[3], 40_009]] as [[UInt32]] {
                let user = Submitter(uid: uid, groups: Set(groups + [40_010]))
                let kernel = try Self.kernel(scratch.path, names, user)
                for (name, rights) in zip(names, kernel) {
                    let access = try FileAccess(File(scratch[name], stade_o_path))
                    for right in [4, 2, 1] as [UInt32] {
                        let mine = user.has(.init(rawValue: right), access)
                        #expect(
                            mine == (rights & right != 0),
                            "\(name) \(right) of \(uid) in \(groups): \(access.list)")
                        checked += 1
                    }
                }
            }
        }
        #expect(checked == 150 * 16 * 3)
    }

    /// What a process of that user may do with each file: bits as in a mode.
    private static func kernel(
        _ directory: String, _ names: [String], _ user: Submitter
    ) throws -> [UInt32] {
        let output = joined(directory, "kernel-\(user.uid)")
        let script = """
            cd '\(directory)' || exit 9
            for f in \(names.joined(separator: " ")); do n=0
            if [ -r $f ]; then n=$((n+4)); fi; if [ -w $f ]; then n=$((n+2)); fi
            if [ -x $f ]; then n=$((n+1)); fi; echo $n; done > '\(output)'
            """
        try writeFile(output, [], mode: 0o666)
        chmod(output, 0o666)
        defer { unlink(output) }
        let groups = user.groups.subtracting([40_010]).map { "\($0)" }.sorted()
        let words =
            ["/usr/bin/setpriv", "--reuid=\(user.uid)", "--regid=40010"]
            + (groups.isEmpty ? ["--clear-groups"] : ["--groups=\(groups.joined(separator: ","))"])
            + ["--", "/bin/bash", "-c", script]
        #expect(try runProgram(words) == 0)
        return String(decoding: try readFile(output), as: UTF8.self).split(separator: "\n")
            .compactMap { UInt32($0) }
    }

    private struct Random {
        var state: UInt64

        mutating func below(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }
}
