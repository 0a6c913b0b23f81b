import Glibc
import Manifests
import Posix
import Spool

/// A manifest named on the command line; `-` is standard input.
struct ManifestSource {
    let bytes: [UInt8]
    let manifest: Manifest
    /// For messages, and for the job's name where the manifest gives none.
    let file: String

    init(_ path: String) throws {
        if path == "-" {
            file = "stdin"
            let input = File(owning: dup(STDIN_FILENO), path: "standard input")
            bytes = try input.readAll(limit: Inbox.maximumSize + 1)
            if bytes.count > Inbox.maximumSize {
                throw SystemError("read", "standard input", errno: EFBIG)
            }
        } else {
            file = path
            bytes = try readFile(path, limit: Inbox.maximumSize)
        }
        manifest = try Manifest.read(bytes, file: file)
    }
}
