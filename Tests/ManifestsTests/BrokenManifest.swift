import Documents
import Glibc
import Posix
import TestSupport
import Testing

/// A manifest in `Broken/`: its first line says where the error must be and what it must say, as in
/// `# 6:3 | did you mean 'sparsity'? | ...`.
struct BrokenManifest: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let place: String
    let words: [String]

    var testDescription: String { name }

    static let all: [BrokenManifest] = files(in: sourcePath("Tests/ManifestsTests/Broken"))
        .compactMap {
            guard let bytes = try? readFile($0) else { return nil }
            let first = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
            let parts = first.dropFirst(2).split(separator: " | ").map(String.init)
            return BrokenManifest(
                name: $0.split(separator: "/").last.map(String.init) ?? $0, bytes: bytes,
                place: parts.first ?? "", words: Array(parts.dropFirst()))
        }
}

/// The YAML files in a directory, sorted.
func files(in directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) {
            String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name.hasSuffix(".yaml") { names.append(directory + "/" + name) }
    }
    return names.sorted()
}
