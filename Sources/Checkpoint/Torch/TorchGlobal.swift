import Tensors

/// What a pickle of weights may name: containers, and how PyTorch stores tensors. All else is
/// refused by its name.
///
/// Source: `_get_allowed_globals` in `torch/_weights_only_unpickler.py`, and `torch/_utils.py`.
enum TorchGlobal {
    case orderedDictionary
    /// `_rebuild_tensor_v2`: storage, offset, size, strides, requires_grad, hooks[, metadata].
    case tensor
    /// `_rebuild_tensor_v3`: the same with the element's type before the metadata.
    case typedTensor
    /// `_rebuild_parameter`: a tensor, requires_grad, hooks.
    case parameter
    case storage(ElementType)
    case untypedStorage
    case type(ElementType)

    /// - Parameter name: module and name, with a space between them as GLOBAL has it.
    init?(_ name: String) {
        switch name {
        case "collections OrderedDict": self = .orderedDictionary
        case "torch._utils _rebuild_tensor_v2": self = .tensor
        case "torch._utils _rebuild_tensor_v3": self = .typedTensor
        case "torch._utils _rebuild_parameter": self = .parameter
        case "torch.storage UntypedStorage", "torch UntypedStorage": self = .untypedStorage
        default:
            guard name.hasPrefix("torch ") else { return nil }
            let last = String(name.dropFirst(6))
            if last.hasSuffix("Storage"), let type = Self.storages[String(last.dropLast(7))] {
                self = .storage(type)
            } else if let type = Self.types[last] {
                self = .type(type)
            } else {
                return nil
            }
        }
    }

    private static let storages: [String: ElementType] = [
        "Double": .float64, "Float": .float32, "Half": .float16, "BFloat16": .bfloat16,
        "Long": .int64, "Int": .int32, "Short": .int16, "Char": .int8, "Byte": .uint8,
        "Bool": .bool, "ComplexFloat": .complex64,
    ]

    private static let types: [String: ElementType] = [
        "float64": .float64, "double": .float64, "float32": .float32, "float": .float32,
        "float16": .float16, "half": .float16, "bfloat16": .bfloat16, "int64": .int64,
        "int32": .int32, "int16": .int16, "int8": .int8, "uint8": .uint8, "uint16": .uint16,
        "uint32": .uint32, "uint64": .uint64, "bool": .bool, "complex64": .complex64,
        "float8_e4m3fn": .float8E4M3, "float8_e5m2": .float8E5M2,
        "float8_e4m3fnuz": .float8E4M3FNUZ, "float8_e5m2fnuz": .float8E5M2FNUZ,
        "float8_e8m0fnu": .float8E8M0,
    ]
}
