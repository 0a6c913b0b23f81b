import Documents
import Tensors
import Transformer

extension Model {
    /// Tells a model from others wherever its files are: a checksum of `config.json` and of every
    /// tensor's name, type, shape and first bytes. All weights would have to be read for more;
    /// whoever trains a model further changes the beginning of nearly every tensor.
    var digest: String {
        var text = String(decoding: JSON.encode(checkpoint.config, indent: nil), as: UTF8.self)
        let tensors = checkpoint.tensors.sorted {
            $0.name.utf8.lexicographicallyPrecedes($1.name.utf8)
        }
        for tensor in tensors {
            var checksum = Checksum()
            // Whole elements of every type.
            tensor.withBytes(0..<min(4096, tensor.byteCount)) { checksum.add($0) }
            text += "\n\(tensor.name) \(tensor.type.rawValue) \(tensor.shape) \(checksum.text)"
        }
        return Checksum(of: text).text
    }
}
