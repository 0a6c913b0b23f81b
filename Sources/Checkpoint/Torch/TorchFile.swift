import Documents
import Posix
import Tensors

/// Weights as `torch.save` writes them since PyTorch 1.6: an archive of a pickle, which names
/// tensors, and of their elements, which are mapped and never copied.
///
/// Source: `torch/serialization.py`.
struct TorchFile {
    private let mapping: MappedFile
    private let archive: ZipArchive
    /// Before the name of each entry.
    private let prefix: String
    private let shard: Int
    /// In the order of the pickle.
    private(set) var tensors: [TensorView] = []

    private static let again =
        "load it with torch.load(.., weights_only=True) and write it again with torch.save, or "
        + "save the model with save_pretrained"

    /// - Throws: `CheckpointError` for what is wrong in the file, `SystemError` where it cannot be
    ///   read.
    init(_ file: borrowing File, shard: Int) throws {
        mapping = try MappedFile(file)
        self.shard = shard
        let path = mapping.path
        func failure(_ text: String, tensor: String? = nil) -> CheckpointError {
            CheckpointError(file: path, tensor: tensor, reason: .torch(text))
        }
        if let text = Self.mistaken(mapping.bytes) { throw failure(text) }
        do throws(ZipArchive.Problem) {
            archive = try ZipArchive(mapping.bytes)
            prefix = try Self.prefix(archive)
        } catch {
            throw failure(error.text)
        }
        let order = (archive.entries[prefix + "byteorder"]).map { mapping.bytes[$0] }
        if let order, !order.elementsEqual("little".utf8) {
            throw failure("was written on a big-endian machine; \(Self.again) on one like this")
        }
        let pickle: TorchPickle
        do throws(TorchPickle.Problem) {
            let range = archive.entries[prefix + Self.pickleName] ?? 0..<0
            pickle = try TorchPickle(UnsafeRawBufferPointer(rebasing: mapping.bytes[range]))
        } catch {
            throw failure(error.text, tensor: error.tensor)
        }
        for (name, tensor) in pickle.tensors {
            tensors.append(try view(tensor, name))
        }
    }

    private static let pickleName = "data.pkl"

    /// All entries are in one directory, of any name.
    private static func prefix(_ archive: ZipArchive) throws(ZipArchive.Problem) -> String {
        let ends = archive.entries.keys.filter {
            $0.hasSuffix("/" + pickleName) && $0.split(separator: "/").count == 2
        }
        guard ends.count == 1, let name = ends.first else {
            throw ZipArchive.Problem(
                "is an archive without a \(pickleName), not what torch.save writes; \(again)")
        }
        let prefix = String(name.dropLast(pickleName.count))
        if archive.entries[prefix + "constants.pkl"] != nil {
            throw ZipArchive.Problem(
                "is a program of TorchScript, not a model's weights; take the checkpoint that it "
                    + "was made from")
        }
        return prefix
    }

    private func view(
        _ tensor: TorchTensor, _ name: String
    ) throws(CheckpointError) -> TensorView {
        let info = TensorInfo(name: name, type: tensor.type, shape: tensor.shape)
        func failure(_ reason: CheckpointError.Reason) -> CheckpointError {
            CheckpointError(file: mapping.path, tensor: name, reason: reason)
        }
        guard let count = info.count, info.byteCount != nil else {
            throw failure(.overflow(shape: tensor.shape))
        }
        let storage = tensor.storage
        let entry = "data/\(storage.key)"
        guard let place = archive.entries[prefix + entry] else {
            throw failure(.torch("its elements, \(escaped(entry)), are not in the archive"))
        }
        let (bytes, overflow) = storage.count.multipliedReportingOverflow(
            by: storage.type?.size ?? 1)
        guard !overflow, bytes == place.count else {
            throw failure(
                .torch(
                    "\(escaped(entry)) has \(place.count) bytes, not the \(storage.count) "
                        + "\(storage.type.map { "\($0.rawValue) " } ?? "bytes ")that it should hold"
                ))
        }
        let size = tensor.type.size
        if count == 0 {
            return TensorView(
                info, in: mapping, place.lowerBound..<place.lowerBound, shard: shard)
        }
        // Elements between the first and the last.
        guard let last = tensor.last, last < place.count / size else {
            throw failure(.torch("reaches beyond its elements, \(escaped(entry))"))
        }
        if count > last - tensor.offset + 1 {
            throw failure(
                .torch("repeats its elements (a stride of 0); save a copy of it, contiguous()"))
        }
        let start = place.lowerBound + tensor.offset * size
        return TensorView(
            info, tensor.isContiguous ? .plain : .strided(tensor.strides), in: mapping,
            start..<place.lowerBound + (last + 1) * size, shard: shard)
    }

    /// What is no such archive, by how it begins.
    private static func mistaken(_ bytes: UnsafeRawBufferPointer) -> String? {
        let head = bytes.prefix(MistakenContents.headSize)
        if head.starts(with: [0x50, 0x4B]) { return nil }
        if let text = MistakenContents.text(of: head) { return text }
        // A pickle that begins with a number of ten bytes, 0x1950a86a20f9469cfc6c.
        if head.first == 0x80,
            head.dropFirst(2).starts(with: [0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9])
        {
            return "is in the form that PyTorch wrote before version 1.6, which is not read here; "
                + again
        }
        if head.dropFirst(257).starts(with: Array("ustar".utf8)) {
            return "is in the form that PyTorch wrote before version 0.2, which is not read here; "
                + again
        }
        if head.first == 0x80 {
            return "is a pickle without an archive, not what torch.save writes; \(again)"
        }
        if head.dropFirst(8).first == UInt8(ascii: "{") {
            return "begins as safetensors do; if it is, name it model.safetensors"
        }
        return "is no archive as torch.save writes it; copy or download it again"
    }
}

extension TorchTensor {
    /// The last element, in elements from the start of the storage; nil where it is beyond `Int`.
    /// The tensor is not empty.
    fileprivate var last: Int? {
        var last = offset
        for (size, stride) in zip(shape, strides) {
            let (step, tooFar) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, overflow) = last.addingReportingOverflow(step)
            if tooFar || overflow { return nil }
            last = sum
        }
        return last
    }

    /// Whether the elements lie row by row without a gap.
    fileprivate var isContiguous: Bool {
        var step = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            if stride != step { return false }
            step *= size
        }
        return true
    }
}
