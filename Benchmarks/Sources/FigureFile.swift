import Documents
import Glibc
import Posix

/// Figures as JSON: what a run leaves for the next one, and one part for the next.
enum FigureFile {
    static func path(in directory: String) -> String { "\(directory)/figures.json" }

    /// - Returns: nothing where there is no such file.
    static func read(_ path: String) throws -> [Figure] {
        guard access(path, F_OK) == 0 else { return [] }
        let node = try JSON.parse(readFile(path), file: path)
        return (node["figures"]?.array ?? []).compactMap { Figure($0) }
    }

    static func write(_ figures: [Figure], _ settings: Settings, to path: String) throws {
        let node: Node = .object([
            "version": 1, "machine": Machine.node, "settings": settings.node,
            "figures": Node(figures.map(\.node)),
        ])
        try writeFile(path, JSON.encode(node) + [UInt8(ascii: "\n")], mode: 0o644)
    }
}
