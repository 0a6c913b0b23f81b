import Documents
import Glibc
import Posix

/// The files of a model directory, opened by name without ever waiting for one.
struct ModelDirectory: Sendable {
    let path: String
    let followSymlinks: Bool

    init(_ path: String, followSymlinks: Bool) {
        self.path = path
        self.followSymlinks = followSymlinks
    }

    func open(_ name: String, _ flags: CInt = 0) throws -> File {
        try openToRead(joined(path, name), flags, followSymlinks: followSymlinks)
    }

    func openIfPresent(_ name: String) throws -> File? {
        do {
            return try open(name)
        } catch let error as SystemError where error.errno == ENOENT {
            return nil
        }
    }

    /// - Parameter limit: the most bytes that are read of a file of its kind.
    func readIfPresent(_ name: String, limit: Int) throws -> [UInt8]? {
        guard let file = try openIfPresent(name) else { return nil }
        return try file.readRegular(atMost: limit)
    }

    /// Of a file of settings: far more than any has.
    static let settingsLimit = 8 << 20

    /// A JSON file that holds an object.
    func object(_ name: String) throws -> Node {
        let file = try open(name)
        let node = try JSON.parse(
            file.readRegular(atMost: Self.settingsLimit), file: file.path)
        if node.members == nil {
            throw DocumentError(
                file: file.path, position: node.position, reason: "expected an object",
                exitCode: .data)
        }
        return node
    }

    /// Names of files that hold weights in formats that are not read here.
    func otherWeights() throws -> [String] {
        try DirectoryEntry.list(open(".", O_DIRECTORY)).compactMap(\.name).filter {
            CompanionFiles.isOtherWeights($0)
        }
    }
}

/// O_NONBLOCK, because anybody may have put a FIFO there.
func openToRead(_ path: String, _ flags: CInt = 0, followSymlinks: Bool) throws -> File {
    do {
        return try File(path, O_RDONLY | O_NONBLOCK | flags, followSymlinks: followSymlinks)
    } catch  where error.errno == ELOOP {
        throw CheckpointError(file: path, reason: .link)
    }
}
