/// One of a checkpoint's files of weights, mapped and checked.
package struct WeightFile: Sendable {
    package let path: String
    /// What an output calls its file with these tensors, which is always safetensors.
    let outputName: String
    /// Strings of a safetensors header, in the file's order.
    package let metadata: [(key: String, value: String)]
    /// In the order of their data, or of the file's own list.
    package var tensors: [TensorView]
}
