import Glibc
import Posix
import Synchronization
import Tensors

/// Writes one new safetensors file, its tensors in any order and from any thread.
package final class SafetensorsWriter: Sendable {
    private let file: File
    private let places: [String: (type: ElementType, range: Range<Int>)]
    private let isWritten = Mutex<Set<String>>([])
    /// Of tensors that are written part by part, which are.
    private let parts = Mutex<[String: Set<Int>]>([:])
    /// Whether anything was written since the last `sync`.
    private let isDirty = Atomic<Bool>(true)

    /// Makes the file at its full size, so that a full disk shows now; no file may be there.
    package init(
        _ name: String, in directory: Directory, _ layout: SafetensorsLayout
    ) throws {
        file = try directory.create(name)
        places = Self.places(layout)
        try file.allocate(layout.size)
        try file.write(layout.header, at: 0)
    }

    /// Goes on with a file that an earlier process began with the same layout.
    ///
    /// - Parameter unwritten: tensors that are still to be written.
    /// - Throws: `CheckpointError` where it is another file.
    package init(
        resuming name: String, in directory: Directory, _ layout: SafetensorsLayout,
        unwritten: Set<String>
    ) throws {
        file = try directory.open(name, O_RDWR | O_NONBLOCK)
        places = Self.places(layout)
        isWritten.withLock { $0 = Set(places.keys).subtracting(unwritten) }
        let status = try file.status()
        var header = [UInt8](repeating: 0, count: layout.header.count)
        let count = try file.read(into: &header, at: 0)
        guard status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1,
            status.st_size == layout.size,
            count == header.count, header == layout.header
        else {
            throw CheckpointError(
                file: file.path, reason: .edit("is not the file that was being written"))
        }
    }

    private static func places(
        _ layout: SafetensorsLayout
    ) -> [String: (type: ElementType, range: Range<Int>)] {
        Dictionary(
            layout.tensors.map { ($0.info.name, ($0.info.type, $0.range)) },
            uniquingKeysWith: { first, _ in first })
    }

    package var path: String { file.path }

    /// Writes a whole tensor; the last one counts where it is written twice.
    ///
    /// - Parameter progress: called with the bytes of each piece; what it throws ends the writing.
    /// - Throws: `CheckpointError` where the layout has no such tensor or another number of bytes.
    package func write(
        _ name: String, _ bytes: RawSpan, progress: (Int) throws -> Void = { _ in }
    ) throws {
        try write(name, count: bytes.byteCount, progress) { part, place in
            try file.write(bytes.extracting(part), at: place)
        }
    }

    /// Writes a whole tensor of weights from float32, which have been rounded to its type already.
    ///
    /// - Parameter part: along the first dimension, which is all that is written then; the tensor
    ///   is written once all of its parts are. nil: all of it.
    package func write(
        _ name: String, part: Int? = nil, weights: Matrix,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        let type = try place(of: name).type
        guard type.isWeight else {
            throw CheckpointError(file: path, tensor: name, reason: .notWeights(type))
        }
        let bytes = weights.rows * weights.columns * type.size
        let buffer = Buffer<UInt8>(count: min(Self.piece, bytes))
        try write(name, part: part, count: bytes, progress) { part, place in
            let elements = (part.lowerBound / type.size)..<(part.upperBound / type.size)
            encode(weights, elements, type, into: buffer)
            try buffer.withBytes(ofFirst: part.count) { try file.write($0, at: place) }
        }
    }

    /// Copies a tensor that stays as it is but for its name, and looks for NaN and infinity on the
    /// way where `isChecked`.
    func copy(
        _ tensor: TensorView, as name: String, isChecked: Bool, progress: (Int) throws -> Void
    ) throws {
        var last = 0..<0
        defer { tensor.release(last) }
        try write(name, count: tensor.byteCount, progress) { part, place in
            tensor.release(last)
            last = part
            tensor.populate(part)
            try tensor.withBytes(part) { bytes in
                if isChecked { try tensor.checkFinite(bytes, at: part.lowerBound) }
                try file.write(bytes, at: place)
            }
        }
    }

    /// Bytes written in one go: a multiple of every element's size.
    package static let piece = TensorView.piece

    /// Writes a tensor piece by piece. Each goes to the disk while the next one is made and then
    /// leaves the page cache, so that neither memory nor the final `sync` has to take it all.
    private func write(
        _ name: String, part: Int? = nil, count: Int, _ progress: (Int) throws -> Void,
        writePiece: (_ part: Range<Int>, _ place: Int) throws -> Void
    ) throws {
        let whole = try place(of: name).range
        let first = whole.lowerBound + (part ?? 0) * count
        let range = part == nil ? whole : first..<(first + count)
        guard count == range.count, count > 0 || whole.isEmpty, whole.count % max(1, count) == 0,
            range.upperBound <= whole.upperBound
        else {
            throw CheckpointError(
                file: path, tensor: name, reason: .written(bytes: count, expected: whole.count))
        }
        isDirty.store(true, ordering: .sequentiallyConsistent)
        // Once more at the end: a `sync` meanwhile has not seen everything.
        defer { isDirty.store(true, ordering: .sequentiallyConsistent) }
        var started: Range<Int>?
        for start in stride(from: 0, to: count, by: Self.piece) {
            let part = start..<min(start + Self.piece, count)
            let place = range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
            try writePiece(part, place.lowerBound)
            // The hints cost more than they save for the many small tensors of some models.
            if part.count >= 1 << 18 {
                try file.startWriteBack(place)
                if let started { try file.finishWriteBack(started) }
                started = place
            }
            try progress(part.count)
        }
        if let started { try file.finishWriteBack(started) }
        guard let number = part else {
            _ = isWritten.withLock { $0.insert(name) }
            return
        }
        let isComplete = parts.withLock { parts in
            parts[name, default: []].insert(number)
            return parts[name]?.count == whole.count / max(1, count)
        }
        if isComplete { _ = isWritten.withLock { $0.insert(name) } }
    }

    func isWritten(_ name: String) -> Bool { isWritten.withLock { $0.contains(name) } }

    /// Makes durable what was written so far.
    package func sync() throws(SystemError) {
        if isDirty.exchange(false, ordering: .sequentiallyConsistent) { try file.sync() }
    }

    /// Makes the file durable.
    /// - Throws: `CheckpointError` where a tensor was not written.
    package func finish() throws {
        let written = isWritten.withLock { $0 }
        let missing = places.filter { !$1.range.isEmpty && !written.contains($0) }
        if let first = missing.min(by: { $0.value.range.lowerBound < $1.value.range.lowerBound }) {
            throw CheckpointError(file: path, tensor: first.key, reason: .unwritten)
        }
        try file.sync()
    }

    private func place(
        of name: String
    ) throws(CheckpointError) -> (type: ElementType, range: Range<Int>) {
        guard let place = places[name] else {
            throw CheckpointError(
                file: path, tensor: name, reason: .edit("is not in the file's layout"))
        }
        return place
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
        let above = parentPath(path)
        let directory = try Directory(above.isEmpty ? "." : above)
        let writer = try SafetensorsWriter(lastName(path) ?? "", in: directory, layout)
        for tensor in tensors {
            try writer.write(tensor.name, tensor.bytes.span.bytes)
        }
        try writer.finish()
    }
}
