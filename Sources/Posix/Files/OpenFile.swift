import CLinux
import Glibc

/// An open file that several parts of the program share; it is closed when the last of them lets
/// go.
package final class OpenFile: Sendable {
    private let file: File
    package let path: String

    /// - Parameter path: where it is called otherwise than it was opened.
    package init(_ file: consuming File, path: String? = nil) {
        self.path = path ?? file.path
        self.file = file
    }

    /// Names a file without opening it, as rules of `Landlock` need it: `O_PATH`.
    package convenience init(naming path: String) throws(SystemError) {
        self.init(try File(path, stade_o_path))
    }

    package var descriptor: CInt { file.descriptor }

    package func status() throws(SystemError) -> stat { try file.status() }
}
