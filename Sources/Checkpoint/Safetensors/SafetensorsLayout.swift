import Documents
import Posix
import Tensors

/// Where everything goes in a safetensors file that is to be written.
package struct SafetensorsLayout: Sendable {
    /// In the order of their data, with their bytes from the start of the file.
    package let tensors: [(info: TensorInfo, range: Range<Int>)]
    /// The length of the header, then the header, padded with spaces to a multiple of 8.
    let header: [UInt8]
    /// Bytes of the whole file.
    package let size: Int

    /// Keeps the order of `tensors` unless that puts one at an offset that its elements' size does
    /// not divide, where PyTorch could not use it: then the larger elements come first, as in files
    /// that the reference implementation writes.
    ///
    /// - Parameters:
    ///   - metadata: strings for `__metadata__`; `format` becomes `pt`, without which older
    ///     versions of transformers refuse the file.
    ///   - file: for messages only.
    /// - Throws: `CheckpointError` where a shape is too large or a name is there twice.
    package init(
        _ tensors: [TensorInfo], metadata: [(key: String, value: String)] = [], file: String
    ) throws(CheckpointError) {
        var placed = try Self.place(tensors, file: file)
        if placed.contains(where: { $0.range.lowerBound % $0.info.type.size != 0 }) {
            let sorted = tensors.enumerated().sorted {
                ($1.element.type.size, $0.offset) < ($0.element.type.size, $1.offset)
            }
            placed = try Self.place(sorted.map(\.element), file: file)
        }
        header = Self.header(placed, metadata)
        let start = header.count
        let (size, overflow) = (placed.last?.range.upperBound ?? 0)
            .addingReportingOverflow(start)
        guard !overflow, start - 8 <= SafetensorsHeader.maximumSize else {
            throw CheckpointError(
                file: file, reason: .headerTooLarge(bytes: UInt64(start - 8)))
        }
        self.size = size
        self.tensors = placed.map {
            ($0.info, $0.range.lowerBound + start..<$0.range.upperBound + start)
        }
    }

    /// One after the other from 0 on.
    private static func place(
        _ tensors: [TensorInfo], file: String
    ) throws(CheckpointError) -> [(info: TensorInfo, range: Range<Int>)] {
        var names: Set<String> = []
        var end = 0
        var result: [(info: TensorInfo, range: Range<Int>)] = []
        for info in tensors {
            guard let count = info.byteCount,
                case (let next, false) = end.addingReportingOverflow(count)
            else {
                throw CheckpointError(
                    file: file, tensor: info.name, reason: .overflow(shape: info.shape))
            }
            if info.name == "__metadata__" || !names.insert(info.name).inserted {
                throw CheckpointError(file: file, tensor: info.name, reason: .namedTwice)
            }
            result.append((info, end..<next))
            end = next
        }
        return result
    }

    private static func header(
        _ tensors: [(info: TensorInfo, range: Range<Int>)],
        _ metadata: [(key: String, value: String)]
    ) -> [UInt8] {
        let strings =
            [("format", Node("pt"))]
            + metadata.filter { $0.key != "format" }.map { ($0.key, Node($0.value)) }
        var members = [("__metadata__", Node(object: strings))]
        for (info, range) in tensors {
            let offsets = [Node(range.lowerBound), Node(range.upperBound)]
            let value = Node(object: [
                ("dtype", Node(info.type.rawValue)),
                ("shape", Node(info.shape.map { Node($0) })),
                ("data_offsets", Node(offsets)),
            ])
            members.append((info.name, value))
        }
        var text = JSON.encode(Node(object: members), indent: nil)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        return withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) } + text
    }
}
