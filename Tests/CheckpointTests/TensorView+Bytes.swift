import Checkpoint

extension TensorView {
    /// All of its elements.
    var bytes: [UInt8] { bytes(0..<byteCount) }
}
