import Documents
import Glibc
import Posix
import Reports

/// What a job says of an output before it publishes it, in `outputs.json` of its snapshot's
/// directory: which directory it is, and the numbers that whoever asks for the job is told. An
/// output is looked for by this alone. What lies at its path may be anybody's.
struct OutputRecord: Sendable {
    private static let maximumSize = 1 << 20

    let identity: FileIdentity
    /// Keys as in the spool's `result.json`, with `device` and `inode`.
    let node: Node

    init(path: String, identity: FileIdentity, report: ReportDocument) {
        self.identity = identity
        node = Output(path: path, report).node
            .setting("device", to: Node(identity.device))
            .setting("inode", to: Node(identity.inode))
    }

    private init?(_ node: Node) {
        guard let device = node["device"]?.integer, let inode = node["inode"]?.integer else {
            return nil
        }
        identity = FileIdentity(device: device, inode: inode)
        self.node = node
    }

    /// None where there is no such file.
    static func load(from directory: String) -> [OutputRecord] {
        (try? Directory(directory)).map { load(from: $0) } ?? []
    }

    static func load(from directory: Directory) -> [OutputRecord] {
        guard
            let bytes = try? directory.read(Layout.Snapshot.outputs, limit: maximumSize),
            let node = try? JSON.parse(bytes, file: Layout.Snapshot.outputs)
        else { return [] }
        return (node["outputs"]?.array ?? []).compactMap { OutputRecord($0) }
    }

    static func bytes(of records: [OutputRecord]) -> [UInt8] {
        JSON.encode(.object(["version": 1, "outputs": Node(records.map(\.node))]), indent: nil)
    }
}
