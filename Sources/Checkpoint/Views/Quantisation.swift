import Documents
import Posix

/// Signs that a checkpoint's weights are quantised: settings in `config.json`, files beside it, and
/// tensors that hold codes or scales. FP8 and MXFP4 are floats and are read; no method here can
/// prune the others.
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

    /// What `config.json` says of the weights that are read.
    enum Form: Sendable {
        case plain
        /// In blocks of this size; nil: it names none.
        case float8(block: (rows: Int, columns: Int)?)
        case mxfp4
    }

    /// The key of transformers.
    private static let key = "quantization_config"
    /// Where a model of several parts has the settings of its language model.
    private static let part = "text_config"

    /// - Throws: `CheckpointError` for a setting or a file that names another form.
    static func form(
        _ config: Node, _ directory: ModelDirectory
    ) throws(CheckpointError) -> Form {
        let file = joined(directory.path, Checkpoint.configName)
        var form = Form.plain
        for (place, settings) in [("", config), ("\(part).", config[part] ?? .object([:]))] {
            for key in keys {
                guard let value = settings[key], !value.isNull else { continue }
                if key == Self.key, let known = Self.form(value) {
                    form = known
                } else {
                    throw CheckpointError(
                        file: file,
                        reason: .quantised(method: method(value), by: .key("\(place)\(key)")))
                }
            }
        }
        for (name, method) in files where directory.isThere(name) {
            throw CheckpointError(
                file: joined(directory.path, name),
                reason: .quantised(method: method, by: .file))
        }
        return form
    }

    /// nil for a form that is not read.
    private static func form(_ value: Node) -> Form? {
        switch value["quant_method"]?.string {
        case "mxfp4": return .mxfp4
        case "fp8":
            let sizes = value["weight_block_size"]?.array?.compactMap(\.integer) ?? []
            let isBlock = sizes.count == 2 && sizes.allSatisfy { $0 > 0 }
            return .float8(block: isBlock ? (sizes[0], sizes[1]) : nil)
        default: return nil
        }
    }

    /// The settings of the model once its weights are plain floats.
    static func removed(_ form: Form, from config: Node) -> Node {
        if case .plain = form { return config }
        var result = config.removing(key)
        if let inner = result[part], inner[key] != nil {
            result = result.setting(part, to: inner.removing(key))
        }
        return result
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
