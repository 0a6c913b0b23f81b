import Glibc
import Posix

/// The operations that `Tests/Faults/shim.c` logged, and what a disk may hold of them after the
/// power went.
///
/// What is taken for granted is what journalling file systems give: names (creations, renames,
/// removals) reach the disk in their order, none torn; fsync of a file or directory brings all
/// names that concern it, and those before. A file's bytes reach it by fsync of that file, and else
/// not at all.
struct DiskLog {
    enum Change {
        case create(parent: Int, name: [UInt8], node: Int)
        case rename(from: Int, old: [UInt8], to: Int, new: [UInt8], isExchange: Bool)
        case remove(parent: Int, name: [UInt8])
    }

    enum Operation {
        /// `nodes` are those that it concerns.
        case names(Change, nodes: [Int])
        case write(Int, offset: Int, [UInt8])
        case size(Int, Int)
        case sync(Int)
    }

    struct Node {
        let mode: UInt32
        /// As it was logged.
        let inode: UInt64
        var bytes: [UInt8] = []
        /// As of the last fsync.
        var durable: [UInt8] = []
        var isSynced = true
        var entries: [[UInt8]: Int] = [:]

        var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    }

    /// What was there before; 0 is the top.
    private(set) var base: [Node] = []
    private(set) var operations: [Operation] = []
    /// The numbers of nodes that belong to inodes at present: inodes are used again.
    private var numbers: [UInt64: Int] = [:]
    private var modes: [UInt32] = []
    private var inodes: [UInt64] = []

    /// Notes what is below `top` before the program runs.
    init(_ top: String) throws { _ = try scan(top) }

    private mutating func scan(_ path: String) throws -> Int {
        var status = stat()
        guard lstat(path, &status) == 0 else { throw SystemError("stat", path) }
        let number = base.count
        numbers[UInt64(status.st_ino)] = number
        base.append(Node(mode: status.st_mode, inode: UInt64(status.st_ino)))
        inodes.append(UInt64(status.st_ino))
        modes.append(status.st_mode)
        if base[number].isDirectory {
            for entry in try DirectoryEntry.list(File(path, O_RDONLY | O_DIRECTORY)) {
                let name = entry.name ?? "?"
                base[number].entries[Array(name.utf8)] = try scan(joined(path, name))
            }
        } else {
            base[number].bytes = try readFile(path)
            base[number].durable = base[number].bytes
        }
        return number
    }

    /// Reads the log after the program has ended: `struct record` in the shim.
    mutating func read(_ file: String) throws {
        let bytes = try readFile(file)
        var offset = 0
        bytes.withUnsafeBytes { bytes in
            func number<T: FixedWidthInteger>(_ place: Int, _: T.Type) -> T {
                bytes.loadUnaligned(fromByteOffset: offset + place, as: T.self)
            }
            while offset + 48 <= bytes.count {
                let (first, second) = (Int(number(40, UInt32.self)), Int(number(44, UInt32.self)))
                let start = offset + 48
                append(
                    kind: number(0, UInt32.self), flags: number(4, UInt32.self),
                    inodes: (0..<3).map { number(8 + 8 * $0, UInt64.self) },
                    offset: Int(number(32, UInt64.self)),
                    Array(bytes[start..<start + first]),
                    Array(bytes[start + first..<start + first + second]))
                offset = start + first + second
            }
        }
    }

    private mutating func append(
        kind: UInt32, flags: UInt32, inodes: [UInt64], offset: Int, _ first: [UInt8],
        _ second: [UInt8]
    ) {
        let parent = numbers[inodes[1]]
        if kind == 1 {
            guard let parent else { return }
            let node = modes.count
            modes.append(flags)
            self.inodes.append(inodes[0])
            numbers[inodes[0]] = node
            operations.append(
                .names(.create(parent: parent, name: first, node: node), nodes: [parent, node]))
            return
        }
        guard let node = numbers[inodes[0]] else { return }
        switch kind {
        case 2: operations.append(.write(node, offset: offset, first))
        case 3: operations.append(.size(node, offset))
        case 4: operations.append(.sync(node))
        case 5:
            guard let parent, let other = numbers[inodes[2]] else { return }
            operations.append(
                .names(
                    .rename(
                        from: parent, old: first, to: other, new: second, isExchange: flags == 2),
                    nodes: [parent, other, node]))
        case 6:
            guard let parent else { return }
            operations.append(.names(.remove(parent: parent, name: first), nodes: [parent, node]))
        default: break
        }
    }

    enum Loss: CaseIterable, Sendable {
        /// No name and no byte that was not synced is there.
        case everything
        /// All names are there, and files without their bytes.
        case bytes
        /// All names are there, and files with zeros for their bytes.
        case zeros
    }

    /// The nodes after the power went at the end of the first `count` operations.
    func nodes(after count: Int, losing loss: Loss) -> [Node] {
        var nodes = base
        for (mode, inode) in zip(modes, inodes).dropFirst(base.count) {
            nodes.append(Node(mode: mode, inode: inode, isSynced: mode & S_IFMT == S_IFDIR))
        }
        var names: [Change] = []
        var durableNames = 0
        var lastChange: [Int: Int] = [:]
        for operation in operations.prefix(count) {
            switch operation {
            case .names(let change, let concerned):
                names.append(change)
                for node in concerned { lastChange[node] = names.count }
            case .write(let node, let offset, let bytes):
                let end = offset + bytes.count
                if nodes[node].bytes.count < end {
                    nodes[node].bytes += [UInt8](
                        repeating: 0, count: end - nodes[node].bytes.count)
                }
                nodes[node].bytes.replaceSubrange(offset..<end, with: bytes)
                nodes[node].isSynced = false
            case .size(let node, let size):
                let old = nodes[node].bytes
                nodes[node].bytes =
                    Array(old.prefix(size))
                    + [UInt8](repeating: 0, count: max(0, size - old.count))
                nodes[node].isSynced = false
            case .sync(let node):
                nodes[node].durable = nodes[node].bytes
                nodes[node].isSynced = true
                durableNames = max(durableNames, lastChange[node, default: 0])
            }
        }
        for change in names.prefix(loss == .everything ? durableNames : names.count) {
            apply(change, to: &nodes)
        }
        for index in nodes.indices where !nodes[index].isSynced && loss == .zeros {
            nodes[index].durable = [UInt8](repeating: 0, count: nodes[index].bytes.count)
        }
        return nodes
    }

    private func apply(_ change: Change, to nodes: inout [Node]) {
        switch change {
        case .create(let parent, let name, let node): nodes[parent].entries[name] = node
        case .rename(let from, let old, let to, let new, let isExchange):
            let (moved, replaced) = (nodes[from].entries[old], nodes[to].entries[new])
            nodes[from].entries[old] = isExchange ? replaced : nil
            nodes[to].entries[new] = moved
        case .remove(let parent, let name): nodes[parent].entries[name] = nil
        }
    }
}

extension DiskLog {
    /// Makes `path` what `nodes` say. A disk keeps the numbers of inodes, but here they are others:
    /// what files say of directories is translated.
    static func restore(_ nodes: [Node], to path: String) throws {
        var fresh: [UInt64: UInt64] = [:]
        try makeDirectories(nodes, 0, path, &fresh)
        try makeFiles(nodes, 0, path, fresh)
    }

    private static func makeDirectories(
        _ nodes: [Node], _ number: Int, _ path: String, _ fresh: inout [UInt64: UInt64]
    ) throws {
        let node = nodes[number]
        guard node.isDirectory else { return }
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemError("mkdir", path) }
        chmod(path, node.mode & 0o7777)
        var status = stat()
        guard stat(path, &status) == 0 else { throw SystemError("stat", path) }
        fresh[node.inode] = UInt64(status.st_ino)
        for (name, child) in node.entries {
            try makeDirectories(
                nodes, child, joined(path, String(decoding: name, as: UTF8.self)), &fresh)
        }
    }

    private static func makeFiles(
        _ nodes: [Node], _ number: Int, _ path: String, _ fresh: [UInt64: UInt64]
    ) throws {
        let node = nodes[number]
        if node.isDirectory {
            for (name, child) in node.entries {
                try makeFiles(
                    nodes, child, joined(path, String(decoding: name, as: UTF8.self)), fresh)
            }
        } else if path.hasSuffix(".json") {
            try File(path, O_WRONLY | O_CREAT | O_TRUNC)
                .write(translate(node.durable, fresh), at: 0)
        } else {
            try File(path, O_WRONLY | O_CREAT | O_TRUNC).write(node.durable, at: 0)
        }
    }

    /// With the numbers behind `"inode":` as they are now.
    private static func translate(_ bytes: [UInt8], _ fresh: [UInt64: UInt64]) -> [UInt8] {
        let parts = String(decoding: bytes, as: UTF8.self).split(
            separator: "\"inode\":", omittingEmptySubsequences: false)
        let text = parts.enumerated().map { index, part in
            let rest = part.drop { $0 == " " }
            let digits = rest.prefix { $0.isNumber }
            guard index > 0, let old = UInt64(digits), let new = fresh[old] else {
                return String(part)
            }
            return "\(new)" + rest.dropFirst(digits.count)
        }
        return Array(text.joined(separator: "\"inode\":").utf8)
    }

    /// Equal for equal trees.
    static func digest(_ nodes: [Node], _ number: Int = 0) -> Int {
        var hasher = Hasher()
        let node = nodes[number]
        hasher.combine(node.isDirectory)
        if !node.isDirectory { hasher.combine(node.durable) }
        for (name, child) in node.entries.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            hasher.combine(name)
            hasher.combine(digest(nodes, child))
        }
        return hasher.finalize()
    }
}
