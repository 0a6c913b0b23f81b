import CLinux
import Glibc

/// An open file that several parts of the program share; it is closed when the last of them lets
/// go.
package final class OpenFile: Sendable {
    private let file: File
    package let path: String
    /// Of a directory: where links in it lead that may be followed, by their paths below it. Empty
    /// where nobody has looked.
    package let links: [String: Link]

    /// Where a link leads, and whether it may be followed.
    package enum Link: Sendable {
        /// A regular file, named and not opened, that was looked at.
        case file(OpenFile)
        case refused(RootsError)
    }

    /// - Parameter path: where it is called otherwise than it was opened.
    package convenience init(_ file: consuming File, path: String? = nil) {
        let path = path ?? file.path
        self.init(file, path, links: [:])
    }

    private init(_ file: consuming File, _ path: String, links: [String: Link]) {
        self.path = path
        self.file = file
        self.links = links
    }

    /// The same file, with links.
    func following(_ links: [String: Link]) throws(SystemError) -> OpenFile {
        let descriptor = dup(file.descriptor)
        if descriptor < 0 { throw SystemError("dup", path) }
        return OpenFile(File(owning: descriptor, path: path), path, links: links)
    }

    /// What its links lead to.
    package var linkedFiles: [OpenFile] {
        links.values.compactMap { if case .file(let file) = $0 { file } else { nil } }
    }

    /// Names a file without opening it, as rules of `Landlock` need it: `O_PATH`.
    package convenience init(naming path: String) throws(SystemError) {
        self.init(try File(path, stade_o_path))
    }

    package var descriptor: CInt { file.descriptor }

    package func status() throws(SystemError) -> stat { try file.status() }
}
