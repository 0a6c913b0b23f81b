import Glibc

extension CompanionFiles {
    /// A model card of its own takes its place in the output.
    static let card = "README.md"
    static let denseCard = "README.dense.md"

    /// Weights as other programs keep them; patterns of fnmatch(3).
    private static let otherWeights = [
        "pytorch_model*.bin", "pytorch_model*.bin.index.json", "consolidated*.pth",
        "tf_model*.h5", "tf_model.h5.index.json", "flax_model*.msgpack",
        "flax_model.msgpack.index.json", "rust_model.ot", "*.ckpt", "*.ckpt.*", "*.gguf", "*.onnx",
        "*.onnx_data", "*.tflite", "openvino_model*.bin", "openvino_model*.xml",
    ]

    private static let rules: [(patterns: [String], reason: String)] = [
        (otherWeights, "dense weights in another format"),
        (
            ["*.safetensors", "*.safetensors.index.json"],
            "safetensors that are not the model's weights"
        ),
        (["optimizer.pt", "optimizer.bin"], "the state of a training run"),
        ([".git*", ".cache"], "belongs to a download, not to the model"),
        (["stade-report.*"], "the report of an earlier run"),
        ([".stade-*"], "an unfinished output"),
    ]

    static func isOtherWeights(_ name: String) -> Bool {
        otherWeights.contains { fnmatch($0, name, 0) == 0 }
    }

    /// nil for what goes along into the output.
    static func reasonToSkip(_ name: String) -> String? {
        rules.first { rule in rule.patterns.contains { fnmatch($0, name, 0) == 0 } }?.reason
    }
}
