import Documents
import Posix
import Tensors

/// Writes the checkpoint of a layout into a directory; nothing of the source is ever in memory but
/// what is being copied.
package final class CheckpointWriter: Sendable {
    package let directory: Directory
    private let layout: CheckpointLayout
    /// New contents of the source's files, or of files that it lacks.
    private let edited: [String: Node]
    private let writers: [SafetensorsWriter]
    /// Which writer has a tensor, by its name in the output.
    private let places: [String: Int]

    /// Makes every file of weights at its full size, so that a full disk shows now, and copies the
    /// source's other files.
    ///
    /// - Parameters:
    ///   - directory: exists and has none of the files yet.
    ///   - config: the new `config.json`; nil copies the source's byte by byte.
    ///   - others: the same for other files, by name.
    package convenience init(
        _ layout: CheckpointLayout, into directory: Directory, config: Node?,
        others: [String: Node] = [:]
    ) throws {
        let edited = Self.edited(config, others)
        try self.init(layout, directory, edited) { try SafetensorsWriter($0, in: directory, $1) }
        try layout.companions.copy(into: directory, without: Set(edited.keys))
    }

    /// Goes on in a directory in which an earlier process began with the same layout.
    ///
    /// - Parameter unwritten: tensors that are still to be written.
    /// - Throws: `CheckpointError` where the files there are others.
    package convenience init(
        resuming layout: CheckpointLayout, in directory: Directory, config: Node?,
        others: [String: Node] = [:], unwritten: Set<String>
    ) throws {
        let edited = Self.edited(config, others)
        let unwritten = Set(unwritten.map { layout.names[$0] ?? $0 })
        try self.init(layout, directory, edited) {
            try SafetensorsWriter(resuming: $0, in: directory, $1, unwritten: unwritten)
        }
    }

    private static func edited(_ config: Node?, _ others: [String: Node]) -> [String: Node] {
        guard let config else { return others }
        return others.merging([Checkpoint.configName: config]) { $1 }
    }

    private init(
        _ layout: CheckpointLayout, _ directory: Directory, _ edited: [String: Node],
        writer: (String, SafetensorsLayout) throws -> SafetensorsWriter
    ) throws {
        for (name, node) in edited where node.members == nil {
            throw CheckpointError(
                file: joined(directory.path, name), reason: .edit("the new \(name) is no object"))
        }
        self.layout = layout
        self.directory = directory
        self.edited = edited
        writers = try layout.shards.map { try writer($0.name, $0.layout) }
        let names = layout.shards.enumerated().flatMap { index, shard in
            shard.layout.tensors.map { ($0.info.name, index) }
        }
        places = Dictionary(names, uniquingKeysWith: { first, _ in first })
    }

    /// Writes a tensor, in any order and from any thread: little-endian, row by row, in the type
    /// and shape that it has in the source or was added with. Tensors are called here as they are
    /// there.
    package func write(
        _ name: String, _ bytes: RawSpan, progress: (Int) throws -> Void = { _ in }
    ) throws {
        let (writer, name) = try place(of: name)
        try writer.write(name, bytes, progress: progress)
    }

    /// Writes a tensor of weights from float32, which have been rounded to its type already, or a
    /// part of it along its first dimension.
    package func write(
        _ name: String, part: Int? = nil, weights: Matrix,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        let (writer, name) = try place(of: name)
        try writer.write(name, part: part, weights: weights, progress: progress)
    }

    /// Who writes a tensor, and under which name.
    private func place(of tensor: String) throws -> (SafetensorsWriter, name: String) {
        let name = layout.names[tensor] ?? tensor
        // Another tensor may have taken the name of one that went.
        guard layout.has(tensor), let place = places[name] else {
            throw CheckpointError(
                file: directory.path, tensor: tensor,
                reason: .edit("is not in the checkpoint's layout"))
        }
        return (writers[place], name)
    }

    /// Copies those of the source's `tensors` that are in the layout and were not written. Not to
    /// be called while `write` is running for one of them.
    ///
    /// - Parameter progress: called often, with the bytes copied since; what it throws ends the
    ///   work.
    /// - Throws: `CheckpointError` that names the first NaN or infinity.
    package func copy(_ tensors: [TensorView], progress: (Int) throws -> Void = { _ in }) throws {
        for tensor in tensors {
            let name = layout.names[tensor.name] ?? tensor.name
            guard layout.has(tensor.name), let place = places[name],
                !writers[place].isWritten(name)
            else { continue }
            try writers[place].copy(
                tensor, as: name, isChecked: layout.checked?.contains(tensor.name) ?? true,
                progress: progress)
        }
    }

    /// Makes durable what was written so far; the directory itself is the caller's to sync.
    package func sync() throws(SystemError) {
        for writer in writers { try writer.sync() }
    }

    /// Copies every tensor that was not written, writes the index and what is edited, and makes all
    /// files durable. Not to be called while `write` is running.
    ///
    /// - Parameter progress: as for `copy`.
    /// - Throws: `CheckpointError` where a tensor was added and not written.
    package func finish(progress: (Int) throws -> Void = { _ in }) throws {
        try copy(layout.source.tensors, progress: progress)
        for writer in writers { try writer.finish() }
        if let index = layout.index { try write(index, to: Checkpoint.indexName) }
        for (name, node) in edited { try write(node, to: name) }
        try directory.sync()
    }

    private func write(_ node: Node, to name: String) throws(SystemError) {
        // An earlier attempt may have come so far.
        try directory.replace(name, JSON.encode(node) + [UInt8(ascii: "\n")])
    }
}
