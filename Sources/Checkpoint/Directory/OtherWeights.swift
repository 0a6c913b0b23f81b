import Glibc
import Posix

/// Weights under names or in formats that are not read here, and what to do about them.
enum OtherWeights {
    private static let convert =
        "convert the model to safetensors first (save_pretrained of transformers does it)"

    /// Patterns of fnmatch(3) and the advice for each; the first that fits counts.
    private static let kinds: [(patterns: [String], advice: String)] = [
        (["adapter_model*"], "an adapter is no model: merge it into its base model first"),
        (
            ["diffusion_pytorch_model*"],
            "that is a part of a diffusion model, which cannot be pruned here"
        ),
        (
            ["consolidated*.safetensors", "consolidated*.pth"],
            "that is the form of Mistral's and Meta's own programs: download the files for "
                + "transformers instead"
        ),
        (
            ["*.safetensors", "*.safetensors.index.json"],
            "rename the file to model.safetensors if it holds the whole model"
        ),
        (
            ["*.gguf", "*.ggml"],
            "convert it with from_pretrained(gguf_file=..) and save_pretrained"
        ),
        (["flax_model*"], "convert it with from_pretrained(from_flax=True) and save_pretrained"),
        (["tf_model*"], "convert it with from_pretrained(from_tf=True) and save_pretrained"),
        (["*.onnx*", "openvino_model*", "*.tflite"], "take the model that this was exported from"),
    ]

    /// Those of `names` that hold weights, the likeliest first.
    static func among(_ names: Set<String>) -> [String] {
        let patterns = kinds.flatMap(\.patterns) + CompanionFiles.otherWeights
        return names.filter { name in patterns.contains { fnmatch($0, name, 0) == 0 } }
            .sorted { rank($0) == rank($1) ? $0 < $1 : rank($0) < rank($1) }
    }

    /// What is said where there is nothing else.
    static func text(_ names: [String]) -> String {
        guard let first = names.first else {
            return
                "no weights; expected model.safetensors, pytorch_model.bin or the index of several"
        }
        let shown = names.prefix(3).map { escaped($0) }.joined(separator: ", ")
        let more = names.count > 3 ? " and \(names.count - 3) more" : ""
        let rank = Self.rank(first)
        let advice = kinds.indices.contains(rank) ? kinds[rank].advice : convert
        return "weights only as \(shown)\(more); \(advice)"
    }

    private static func rank(_ name: String) -> Int {
        kinds.firstIndex { $0.patterns.contains { fnmatch($0, name, 0) == 0 } } ?? kinds.count
    }
}
