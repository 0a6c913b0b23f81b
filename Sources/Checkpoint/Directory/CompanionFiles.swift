import Glibc
import Posix

/// The files of a model directory that are not its weights: what goes along into an output, and
/// what does not.
package struct CompanionFiles: Sendable {
    /// What stays behind, for the report.
    package struct Skipped: Sendable, Hashable {
        /// Below the model directory.
        package let path: String
        package let reason: String
    }

    private struct Copy: Sendable {
        let from: String
        let to: String
    }

    package private(set) var skipped: [Skipped] = []
    /// Of the files that are copied.
    package private(set) var bytes = 0
    private var copies: [Copy] = []
    private let directory: ModelDirectory

    /// Looks through the directory, opens nothing but directories.
    ///
    /// - Parameter weights: the names of the checkpoint's own files, which are written otherwise.
    init(of directory: ModelDirectory, weights: Set<String>) throws {
        self.directory = directory
        try walk("", weights: weights, above: [])
    }

    /// Copies into `target` all but the files of `edited`; each file is made durable.
    func copy(into target: Directory, without edited: Set<String>) throws {
        for file in copies where !edited.contains(file.from) {
            let names = file.to.split(separator: "/").map(String.init)
            let parent = try makeParents(names.dropLast(), in: target)
            let source = try directory.open(file.from)
            let status = try source.status()
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw SystemError("copy", source.path, errno: EINVAL)
            }
            let copy = try parent.create(names[names.count - 1])
            try Self.copy(source, copy)
            try copy.sync()
        }
    }

    private static func copy(_ source: borrowing File, _ target: borrowing File) throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        var offset = 0
        while true {
            let count = try source.read(into: &buffer, at: offset)
            if count == 0 { return }
            try target.write(buffer.span.bytes.extracting(0..<count), at: offset)
            offset += count
        }
    }

    private func makeParents(
        _ names: ArraySlice<String>, in target: Directory
    ) throws(SystemError) -> Directory {
        var parent = target
        for name in names {
            do throws(SystemError) {
                try parent.makeDirectory(name, mode: 0o750)
            } catch {
                if error.errno != EEXIST { throw error }
            }
            parent = try parent.directory(name)
        }
        return parent
    }
}

extension CompanionFiles {
    private struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t
    }

    /// As deep as a submitter's rights are looked at.
    private static let maximumDepth = 32

    /// - Parameter above: the directories that lead here, to notice a link to one of them.
    private mutating func walk(_ path: String, weights: Set<String>, above: Set<Identity>) throws {
        if above.count > Self.maximumDepth {
            skip(path, "more than \(Self.maximumDepth) directories deep")
            return
        }
        let opened = try directory.open(path.isEmpty ? "." : path, O_DIRECTORY)
        let status = try opened.status()
        let here = Identity(device: status.st_dev, inode: status.st_ino)
        if above.contains(here) {
            skipped.append(Skipped(path: path, reason: "a link to a directory that holds it"))
            return
        }
        let entries = try DirectoryEntry.list(opened)
        let isTop = path.isEmpty
        let hasDenseCard = isTop && entries.contains { $0.name == Layout.Output.denseCard }
        for entry in entries {
            guard let name = entry.name else {
                let shown = String(
                    decoding: entry.bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
                skip(isTop ? shown : joined(path, shown), "its name is not UTF-8")
                continue
            }
            if isTop, weights.contains(name) { continue }
            let full = isTop ? name : joined(path, name)
            if let reason = Self.reasonToSkip(name) {
                skip(full, reason)
            } else if isTop, name == Layout.Output.card, hasDenseCard {
                skip(full, "the card of an earlier run; \(Layout.Output.denseCard) is kept")
            } else {
                switch try kind(of: entry, at: full) {
                case .directory: try walk(full, weights: weights, above: above.union([here]))
                case .file(let size):
                    let (sum, overflow) = bytes.addingReportingOverflow(size)
                    bytes = overflow ? .max : sum
                    let target =
                        isTop && name == Layout.Output.card ? Layout.Output.denseCard : full
                    copies.append(Copy(from: full, to: target))
                case .danglingLink: skip(full, "a link that leads nowhere")
                case .other: skip(full, "neither a file nor a directory")
                }
            }
        }
    }

    private mutating func skip(_ path: String, _ reason: String) {
        skipped.append(Skipped(path: path, reason: reason))
    }

    private enum Kind {
        case file(size: Int), directory, danglingLink, other
    }

    private func kind(of entry: DirectoryEntry, at path: String) throws -> Kind {
        let full = joined(directory.path, path)
        var status = stat()
        if stat(full, &status) != 0 {
            // A download that was not finished, or a cache that was pruned.
            let error = SystemError("find", full)
            let leadsNowhere = error.errno == ENOENT || error.errno == ELOOP
            if entry.kind == .link, leadsNowhere, !Self.isNeeded(path) { return .danglingLink }
            throw error
        }
        if entry.kind == .link, try !directory.follows(path) {
            throw CheckpointError(file: full, reason: .link)
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG:
            try directory.inputs.note(full, status)
            return .file(size: Int(status.st_size))
        case S_IFDIR: return .directory
        default: return .other
        }
    }
}
