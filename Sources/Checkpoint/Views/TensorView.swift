import Posix
import Tensors

/// A tensor in a mapped file, which stays mapped as long as the view lives.
///
/// Its elements are those that an output stores, row by row. In the file they may lie in another
/// order, or in a form that has to be decoded; then whoever reads a part gets a copy of that part.
package struct TensorView: Sendable {
    package let info: TensorInfo
    /// Which of the checkpoint's files it is in.
    package let shard: Int
    let form: Form
    private let file: MappedFile
    /// Bytes from the start of the file that hold its elements, in whatever form.
    private let range: Range<Int>

    /// How the elements lie in the file.
    enum Form: Sendable {
        /// As they are, row by row.
        case plain
        /// As they are, a step of so many elements for each dimension.
        case strided([Int])
        /// Eight-bit floats, read as bfloat16.
        indirect case float8(BlockScales)
        /// `[matrices, columns, rows / 32, 16]` bytes of two four-bit floats each, read as bfloat16
        /// `[matrices, rows, columns]`; scales: `[matrices, columns, rows / 32]`.
        indirect case mxfp4(scales: TensorView)
    }

    /// - Parameter range: of all its elements, in bytes from the start of the file; checked.
    init(
        _ info: TensorInfo, _ form: Form = .plain, in file: MappedFile, _ range: Range<Int>,
        shard: Int
    ) {
        self.info = info
        self.form = form
        self.shard = shard
        self.file = file
        self.range = range
    }

    package var name: String { info.name }
    package var type: ElementType { info.type }
    package var shape: [Int] { info.shape }
    /// The file that it is in.
    package var path: String { file.path }

    /// How many elements; 1 for a scalar.
    package var count: Int { info.count ?? 0 }

    /// What all elements take, as they are read.
    package var byteCount: Int { info.byteCount ?? 0 }

    /// Calls `body` with a part of the elements, little-endian and row by row. They are valid while
    /// it runs, and not aligned: use unaligned loads.
    ///
    /// - Parameter part: in bytes from the first element; begins and ends with whole elements.
    package func withBytes<Result, Failure: Error>(
        _ part: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if case .plain = form {
            let place = range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
            return try body(UnsafeRawBufferPointer(rebasing: file.bytes[place]).bytes)
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: part.count, alignment: 64)
        defer { buffer.deallocate() }
        read(part, into: buffer)
        return try body(UnsafeRawBufferPointer(buffer).bytes)
    }

    /// The same as a copy.
    package func bytes(_ part: Range<Int>) -> [UInt8] {
        withBytes(part) { $0.withUnsafeBytes { Array($0) } }
    }

    private func read(_ part: Range<Int>, into target: UnsafeMutableRawBufferPointer) {
        let elements = part.lowerBound / type.size..<part.upperBound / type.size
        switch form {
        case .plain: preconditionFailure("is read where it lies")
        case .strided(let strides):
            gather(
                stored, elements, shape: shape, strides: strides, size: type.size, into: target)
        case .float8(let scales): scales.decode(stored, elements, shape: shape, into: target)
        case .mxfp4(let scales):
            scales.withBytes(0..<scales.byteCount) { scales in
                scales.withUnsafeBytes {
                    MXFP4.decode(
                        stored, scales: $0, elements, rows: shape[1], columns: shape[2],
                        into: target)
                }
            }
        }
    }

    /// As it lies in the file.
    private var stored: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[range])
    }

    /// Whether both are the same byte by byte; their memory is given back.
    package func hasBytes(of other: TensorView) -> Bool {
        guard byteCount == other.byteCount else { return false }
        for start in stride(from: 0, to: byteCount, by: Self.piece) {
            let part = start..<min(start + Self.piece, byteCount)
            populate(part)
            other.populate(part)
            defer {
                release(part)
                other.release(part)
            }
            let isEqual = withBytes(part) { bytes in
                other.withBytes(part) { others in
                    bytes.withUnsafeBytes { bytes in
                        others.withUnsafeBytes { bytes.elementsEqual($0) }
                    }
                }
            }
            if !isEqual { return false }
        }
        return true
    }

    /// The same bytes as something else, that `info` describes.
    func reading(_ info: TensorInfo, _ form: Form) -> TensorView {
        TensorView(info, form, in: file, range, shard: shard)
    }

    /// Where a part lies in the file, or among what.
    private func place(of part: Range<Int>) -> Range<Int> {
        switch form {
        case .plain:
            return range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
        case .strided: return range
        case .float8:
            let size = type.size
            return range.lowerBound + part.lowerBound / size..<range.lowerBound + part.upperBound
                / size
        case .mxfp4:
            // Matrix by matrix: each is turned around.
            let matrix = max(1, shape[1] * shape[2] * type.size)
            let stored = shape[1] * shape[2] / 2
            return range.lowerBound + part.lowerBound / matrix * stored..<range.lowerBound
                + (part.upperBound + matrix - 1) / matrix * stored
        }
    }

    /// Maps all bytes at once, before a pass over them.
    package func populate() { file.populate(range) }

    /// The same for a part, in bytes from the first element.
    package func populate(_ part: Range<Int>) { file.populate(place(of: part)) }

    /// Has all bytes read from the disk, before they are needed.
    package func readAhead() { file.readAhead(range) }

    /// Gives the memory of the bytes back to the system; they are read again when they are needed.
    package func release() { file.release(range) }

    /// The same for a part, in bytes from the first element.
    package func release(_ part: Range<Int>) { file.release(place(of: part)) }
}
