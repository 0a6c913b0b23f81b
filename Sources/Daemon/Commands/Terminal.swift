import Documents
import Glibc
import Posix

/// All that the programs write for people and for programs behind a pipe goes through here, and
/// nowhere else: names, reasons and reports are strangers' text. A line that is handed over becomes
/// one line, whatever is in it: no text begins another one, drives the terminal or hides a part of
/// itself.
enum Terminal {
    /// Lines on standard output.
    static func show(_ lines: [String]) -> ExitCode {
        let text = lines.map { escaped($0, limit: .max) + "\n" }.joined()
        if writeAll(Array(text.utf8), to: STDOUT_FILENO) { return .done }
        let error = SystemError("write", "standard output")
        complain(CommandLine.arguments.first.flatMap { lastName($0) } ?? "stade", error)
        return .io
    }

    static func show(_ line: String) -> ExitCode { show([line]) }

    /// The lines of a text whose own parts were made harmless one by one.
    static func show(text: String) -> ExitCode {
        var lines = text.split(
            omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" }
        ).map(String.init)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return show(lines)
    }

    /// A value for programs; strings in it have no character that a terminal obeys.
    static func show(_ node: Node, indent: Int? = 2) -> ExitCode {
        show(text: String(decoding: JSON.encode(node, indent: indent), as: UTF8.self))
    }

    /// A piece of many numbers, in digits and marks of JSON alone.
    static func show(numbers bytes: [UInt8]) throws(SystemError) {
        if !writeAll(bytes, to: STDOUT_FILENO) { throw SystemError("write", "standard output") }
    }

    /// One line on standard error.
    static func complain(_ program: String, _ error: any Error) {
        complain(program, (error as? any Failure)?.description ?? "\(error)")
    }

    static func complain(_ program: String, _ text: String) {
        say("\(program): \(escaped(text, limit: 4096))")
    }

    /// A line on standard error.
    /// - Parameter isOver: what was drawn there goes.
    static func say(_ line: String, over isOver: Bool = false) {
        draw((isOver ? eraser : "") + escaped(line, limit: .max) + "\n")
    }

    /// What moves, on standard error: in the place of what was drawn before.
    static func draw(
        bar: (filled: Int, cells: Int, color: Bool)?, _ text: String
    ) {
        var shown = ""
        if let bar {
            let done = String(repeating: "#", count: bar.filled)
            let left = String(repeating: ".", count: max(0, bar.cells - bar.filled))
            shown = "[" + (bar.color ? "\u{1b}[32m\(done)\u{1b}[0m\(left)" : done + left) + "] "
        }
        draw("\r" + shown + escaped(text, limit: .max) + "\u{1b}[K")
    }

    /// Takes away what was drawn.
    static func erase() { draw(eraser) }

    private static let eraser = "\r\u{1b}[K"

    private static func draw(_ text: String) {
        _ = writeAll(Array(text.utf8), to: Diagnostics.descriptor)
    }
}

/// write(2) until nothing is left; false where it fails.
func writeAll(_ bytes: [UInt8], to descriptor: CInt) -> Bool {
    bytes.withUnsafeBytes { bytes in
        var done = 0
        while done < bytes.count {
            let count = Glibc.write(
                descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return false }
            done += count
        }
        return true
    }
}
