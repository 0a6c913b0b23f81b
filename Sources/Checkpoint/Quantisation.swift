import Documents
import Posix

/// Signs that a checkpoint's weights are quantised, which no method here can prune: settings in
/// `config.json`, files beside it, and tensors that hold codes or scales.
///
/// Source: `quantizers/auto.py` of transformers, and the tensors' names in GPTQModel, AutoAWQ,
/// bitsandbytes, compressed-tensors, AQLM, HQQ and MLX.
enum Quantisation {
    /// In `config.json`: transformers, older compressed-tensors, MLX.
    private static let keys = ["quantization_config", "compression_config", "quantization"]

    /// Beside it, with the method that writes them.
    private static let files = [
        ("quantize_config.json", "gptq"), ("quant_config.json", "awq"),
        ("hf_quant_config.json", "modelopt"), ("quantize_config.yaml", "gptq"),
    ]

    /// Ends of tensors' names behind a dot.
    private static let tensorNames: [(names: Set<String>, method: String)] = [
        (["qweight", "qzeros", "g_idx", "scales", "qscales"], "gptq or awq"),
        (
            [
                "weight_scale", "weight_scale_inv", "weight_scale_2", "weight_zero_point",
                "weight_packed", "weight_shape", "weight_g_idx", "weight_global_scale",
                "input_scale", "input_zero_point", "input_global_scale", "activation_scale",
            ], "fp8 or compressed-tensors"
        ),
        (
            [
                "absmax", "quant_map", "nested_absmax", "nested_quant_map", "SCB",
                "weight_format",
            ], "bitsandbytes"
        ),
        (["codes", "codebooks"], "aqlm"), (["W_q"], "hqq"), (["_data", "_scale"], "quanto"),
    ]

    /// - Throws: `CheckpointError` for a setting or a file that says so.
    static func check(_ config: Node, _ directory: ModelDirectory) throws(CheckpointError) {
        let file = joined(directory.path, Checkpoint.configName)
        for key in keys {
            guard let value = config[key], !value.isNull else { continue }
            throw CheckpointError(
                file: file, reason: .quantised(method: method(value), by: .key(key)))
        }
        for (name, method) in files where directory.isThere(name) {
            throw CheckpointError(
                file: joined(directory.path, name),
                reason: .quantised(method: method, by: .file))
        }
    }

    /// By its name there; what has none by what it says of bits.
    private static func method(_ value: Node) -> String {
        for key in ["quant_method", "quant_algo", "format"] {
            if let name = value[key]?.string { return name }
        }
        for bits in ["load_in_4bit", "load_in_8bit"] where value[bits]?.bool == true {
            return "bitsandbytes"
        }
        if let bits = (value["bits"] ?? value["w_bit"])?.integer { return "\(bits) bits" }
        return "by a method that it does not name"
    }

    /// - Throws: `CheckpointError` for a tensor that says so.
    static func check(_ tensors: [TensorView]) throws(CheckpointError) {
        for tensor in tensors {
            let parts = tensor.name.split(separator: ".")
            guard parts.count > 1, let last = parts.last.map(String.init) else { continue }
            let method =
                last.hasPrefix("bitsandbytes__")
                ? "bitsandbytes" : tensorNames.first { $0.names.contains(last) }?.method
            if let method {
                throw CheckpointError(
                    file: tensor.path, tensor: tensor.name,
                    reason: .quantised(method: method, by: .tensor))
            }
        }
    }
}
