import Posix

/// One safetensors file, mapped and checked as a whole.
package final class SafetensorsFile: Sendable {
    package let path: String
    /// `__metadata__`, in the file's order.
    package let metadata: [(key: String, value: String)]
    /// In the order of their data.
    package let tensors: [TensorView]
    private let indices: [String: Int]

    /// - Throws: `CheckpointError` for what is wrong in the file, `SystemError` where it cannot be
    ///   read.
    package convenience init(_ path: String, followSymlinks: Bool = true) throws {
        try self.init(openToRead(path, followSymlinks: followSymlinks), shard: 0)
    }

    /// - Parameter shard: what the tensors say of themselves.
    init(_ file: borrowing File, shard: Int) throws {
        let mapping = try MappedFile(file)
        let header = try SafetensorsHeader(mapping.bytes, file: file.path)
        path = file.path
        metadata = header.metadata
        tensors = header.tensors.map {
            TensorView($0.info, in: mapping, $0.range, shard: shard)
        }
        indices = Dictionary(
            tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    package func tensor(named name: String) -> TensorView? { indices[name].map { tensors[$0] } }
}
