import Glibc
import Posix
import Testing

/// A directory of its own for a test, removed when the value goes.
final class Scratch {
    let path: String

    init() throws {
        var template = Array(joined(P_tmpdir, "stade-test-XXXXXX").utf8CString)
        let made = mkdtemp(&template) != nil
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? removeTree(path) }

    subscript(name: String) -> String { joined(path, name) }

    /// Makes the directories above the file, too.
    func write(_ name: String, _ bytes: [UInt8]) throws {
        var parent = path
        for part in name.split(separator: "/").dropLast() {
            parent = joined(parent, String(part))
            mkdir(parent, 0o755)
        }
        try writeFile(self[name], bytes)
    }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func read(_ name: String) throws -> [UInt8] { try readFile(self[name]) }

    func text(_ name: String) throws -> String { String(decoding: try read(name), as: UTF8.self) }

    /// All files below a directory, sorted.
    func files(_ name: String = ".") throws -> [String] {
        try list(self[name], below: "").sorted()
    }

    private func list(_ directory: String, below: String) throws -> [String] {
        try DirectoryEntry.list(File(directory, O_RDONLY | O_DIRECTORY)).flatMap { entry in
            let name = below.isEmpty ? entry.name! : joined(below, entry.name!)
            return entry.kind == .directory
                ? try list(joined(directory, entry.name!), below: name) : [name]
        }
    }

    func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(self[name], &status) == 0
    }
}

/// A safetensors file made by hand, without the code under test.
func safetensors(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
    safetensors(Array(header.utf8), data)
}

func safetensors(_ header: [UInt8], _ data: [UInt8] = []) -> [UInt8] {
    withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
}

/// `"name": {…}` of a header.
func member(_ name: String, _ type: String, _ shape: String, _ begin: Int, _ end: Int) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(begin),\#(end)]}"#
}

/// Bytes that differ from tensor to tensor.
func pattern(_ count: Int, seed: UInt8) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(seed) &* 31) & 0x3F }
}
