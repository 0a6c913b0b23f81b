import Documents
import Posix
import Reports

/// An output as its worker notes it before it is published, with the directory that it is: an
/// element of a job's `outputs.json`.
struct RecordedOutput: CodedValue {
    var output: Output
    private var device: Int
    private var inode: Int

    static let blank = RecordedOutput(output: .blank, device: 0, inode: 0)

    var identity: FileIdentity { FileIdentity(device: device, inode: inode) }

    mutating func code(_ coder: inout NodeCoder) {
        coder.members(of: &output)
        coder.required("device", &device)
        coder.required("inode", &inode)
    }
}
