import Posix
import Tensors

/// A tensor in a mapped safetensors file, which stays mapped as long as the view lives.
package struct TensorView: Sendable {
    package let info: TensorInfo
    /// Which of the checkpoint's files it is in.
    package let shard: Int
    private let file: MappedFile
    /// Bytes from the start of the file.
    private let range: Range<Int>

    init(_ entry: SafetensorsHeader.Entry, in file: MappedFile, shard: Int) {
        info = entry.info
        self.shard = shard
        self.file = file
        range = entry.range
    }

    package var name: String { info.name }
    package var type: ElementType { info.type }
    package var shape: [Int] { info.shape }
    /// The file that it is in.
    package var path: String { file.path }

    /// Little-endian, row by row; valid while the view lives. Old writers do not align their data:
    /// use unaligned loads.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: file.bytes[range])
    }

    /// A part of them, in bytes from the tensor's start.
    package func withBytes<Result, Failure: Error>(
        _ part: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(rebasing: bytes[part]).bytes)
    }

    /// How many elements; 1 for a scalar.
    package var count: Int { range.count * 8 / type.bits }

    /// Maps all bytes at once, before a pass over them.
    package func populate() { file.populate(range) }

    /// The same for a part, in bytes from the tensor's start.
    package func populate(_ part: Range<Int>) {
        file.populate(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    }

    /// Has all bytes read from the disk, before they are needed.
    package func readAhead() { file.readAhead(range) }

    /// Gives the memory of the bytes back to the system; they are read again when they are needed.
    package func release() { file.release(range) }

    /// The same for a part, in bytes from the tensor's start.
    package func release(_ part: Range<Int>) {
        file.release(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    }
}
