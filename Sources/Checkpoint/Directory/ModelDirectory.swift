import Documents
import Glibc
import Posix

/// The files of a model directory, opened by name without ever waiting for one.
struct ModelDirectory: Sendable {
    let path: String
    let followSymlinks: Bool
    /// Told of each file before it is read.
    let inputs: InputFiles
    /// What `path` led to when it was looked at; nil: wherever it leads.
    private let opened: OpenFile?

    init(
        _ path: String, followSymlinks: Bool, inputs: InputFiles, opened: OpenFile? = nil
    ) {
        self.path = path
        self.followSymlinks = followSymlinks
        self.inputs = inputs
        self.opened = opened
    }

    func open(_ name: String, _ flags: CInt = 0) throws -> File {
        let file: File
        do {
            file = try File(
                name, in: path, opened: opened, flags, followSymlinks: followSymlinks)
        } catch let error as SystemError where error.errno == ELOOP {
            throw CheckpointError(file: joined(path, name), reason: .link)
        }
        let status = try file.status()
        if status.st_mode & S_IFMT == S_IFREG { try inputs.note(file.path, status) }
        return file
    }

    /// Whether a link inside it was looked at and may be followed.
    /// - Throws: `RootsError` where it must not be.
    func follows(_ name: String) throws -> Bool {
        if followSymlinks { return true }
        switch opened?.links[name] {
        case .file: return true
        case .refused(let error): throw error
        case nil: return false
        }
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

    /// A JSON file that holds an object, read as Python does: of a key that stands there twice the
    /// last value counts.
    /// - Returns: with the later members of such keys.
    func object(_ name: String) throws -> (node: Node, repeated: [Node.Member]) {
        let file = try open(name)
        let (node, repeated) = try JSON.parseLastOfRepeated(
            file.readRegular(atMost: Self.settingsLimit), file: file.path)
        if let text = MistakenContents.answer(node) {
            throw CheckpointError(file: file.path, reason: .mistaken(text))
        }
        if node.members == nil {
            throw DocumentError(
                file: file.path, position: node.position, reason: "expected an object",
                exitCode: .data)
        }
        return (node, repeated)
    }

    func isThere(_ name: String) -> Bool {
        var status = stat()
        return stat(joined(path, name), &status) == 0
    }

    /// Names of what is in it, those that are UTF-8.
    func names() throws -> Set<String> {
        Set(try DirectoryEntry.list(open(".", O_DIRECTORY)).compactMap(\.name))
    }

    /// Names of files that hold weights under names or in formats that are not read here.
    func otherWeights() throws -> [String] { OtherWeights.among(try names()) }

}

/// O_NONBLOCK, because anybody may have put a FIFO there.
func openToRead(_ path: String, followSymlinks: Bool) throws -> File {
    do {
        return try File(path, O_RDONLY | O_NONBLOCK, followSymlinks: followSymlinks)
    } catch  where error.errno == ELOOP {
        throw CheckpointError(file: path, reason: .link)
    }
}
