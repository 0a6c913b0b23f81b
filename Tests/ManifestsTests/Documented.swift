import Posix
import TestSupport

/// The complete examples of the documents.
enum Documented {
    static let manifest = example("docs/manifest.md")
    static let configuration = example("docs/operations.md")

    /// The first YAML block of a document; empty where there is none.
    private static func example(_ document: String) -> String {
        guard let bytes = try? readFile(sourcePath(document)) else { return "" }
        let lines = String(decoding: bytes, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return lines.drop { $0 != "```yaml" }.dropFirst().prefix { $0 != "```" }
            .joined(separator: "\n")
    }
}
