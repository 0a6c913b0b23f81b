import Glibc
import Posix
import Synchronization
import Tensors

/// Writes one new safetensors file, its tensors in any order and from any thread.
package final class SafetensorsWriter: Sendable {
    private let file: File
    private let ranges: [String: Range<Int>]
    private let isWritten = Mutex<Set<String>>([])

    /// Makes the file at its full size, so that a full disk shows now; no file may be there.
    package init(_ path: String, _ layout: SafetensorsLayout) throws {
        file = try File(path, O_WRONLY | O_CREAT | O_EXCL)
        ranges = Dictionary(
            layout.tensors.map { ($0.info.name, $0.range) }, uniquingKeysWith: { first, _ in first }
        )
        try file.allocate(layout.size)
        try layout.header.withUnsafeBytes { try file.write($0, at: 0) }
    }

    package var path: String { file.path }

    /// Writes a whole tensor; the last one counts where it is written twice.
    /// - Throws: `CheckpointError` where the layout has no such tensor or another number of bytes.
    package func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
        let range = try range(of: name)
        guard bytes.count == range.count else {
            throw CheckpointError(
                file: path, tensor: name,
                reason: .written(bytes: bytes.count, expected: range.count))
        }
        try file.write(bytes, at: range.lowerBound)
        _ = isWritten.withLock { $0.insert(name) }
    }

    /// Copies a tensor that stays as it is, in pieces that leave memory and the page cache at once.
    ///
    /// - Parameter progress: called with the bytes of each piece; what it throws ends the copying.
    func copy(_ tensor: TensorView, progress: (Int) throws -> Void) throws {
        let range = try range(of: tensor.name)
        let bytes = tensor.bytes
        var offset = 0
        while offset < bytes.count {
            let part = offset..<min(offset + 16 << 20, bytes.count)
            let place = range.lowerBound + part.lowerBound
            try file.write(UnsafeRawBufferPointer(rebasing: bytes[part]), at: place)
            // The hints cost more than they save for the many small tensors of some models.
            if part.count >= 1 << 18 {
                file.writeBack(place..<place + part.count)
                tensor.release(part)
            }
            try progress(part.count)
            offset = part.upperBound
        }
        _ = isWritten.withLock { $0.insert(tensor.name) }
    }

    func isWritten(_ name: String) -> Bool { isWritten.withLock { $0.contains(name) } }

    /// Makes the file durable.
    /// - Throws: `CheckpointError` where a tensor was not written.
    package func finish() throws {
        let written = isWritten.withLock { $0 }
        let missing = ranges.filter { !$1.isEmpty && !written.contains($0) }
        if let first = missing.min(by: { $0.value.lowerBound < $1.value.lowerBound }) {
            throw CheckpointError(file: path, tensor: first.key, reason: .unwritten)
        }
        try file.sync()
    }

    private func range(of name: String) throws(CheckpointError) -> Range<Int> {
        guard let range = ranges[name] else {
            throw CheckpointError(
                file: path, tensor: name, reason: .edit("is not in the file's layout"))
        }
        return range
    }
}

extension SafetensorsFile {
    /// Writes a whole new file of tensors that are in memory: little-endian, row by row.
    package static func write(
        _ path: String, tensors: [(name: String, type: ElementType, shape: [Int], bytes: [UInt8])],
        metadata: [(key: String, value: String)] = []
    ) throws {
        let infos = tensors.map { TensorInfo(name: $0.name, type: $0.type, shape: $0.shape) }
        let layout = try SafetensorsLayout(infos, metadata: metadata, file: path)
        let writer = try SafetensorsWriter(path, layout)
        for tensor in tensors {
            try tensor.bytes.withUnsafeBytes { try writer.write(tensor.name, $0) }
        }
        try writer.finish()
    }
}
