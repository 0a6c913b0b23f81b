import Posix
import Tensors

/// Puts views that decode in place of the tensors of an encoded checkpoint: FP8 and MXFP4 are read
/// as bfloat16, and their scales are no tensors of their own any more.
struct Decoding {
    private var float8 = 0
    private var mxfp4 = 0
    /// Scales that another tensor is read with, and those of inputs, which a model of plain weights
    /// has no use for.
    private var used: Set<String> = []

    /// Ends of tensors' names: the scales of an FP8 model's inputs.
    private static let inputScales = ["activation_scale", "input_scale"]

    /// - Parameter form: what `config.json` says of the weights.
    /// - Throws: `CheckpointError` for scales that are missing or do not fit.
    init(_ form: Quantisation.Form, _ files: inout [WeightFile]) throws(CheckpointError) {
        let tensors = Dictionary(
            files.flatMap(\.tensors).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for file in files.indices {
            for place in files[file].tensors.indices {
                let tensor = files[file].tensors[place]
                if let view = try Self.float8(tensor, tensors, form) {
                    files[file].tensors[place] = view
                    used.insert(tensor.name + Self.scale)
                    float8 += 1
                } else if let view = try Self.mxfp4(tensor, tensors) {
                    if tensors[view.name] != nil {
                        throw CheckpointError(
                            file: view.path, tensor: view.name, reason: .namedTwice)
                    }
                    files[file].tensors[place] = view
                    used.insert(view.name + Self.scales)
                    mxfp4 += 1
                } else if case .float8 = form, Self.isInputScale(tensor.name) {
                    used.insert(tensor.name)
                }
            }
        }
        if used.isEmpty { return }
        for file in files.indices {
            files[file].tensors.removeAll { used.contains($0.name) }
        }
    }

    /// For whoever wonders about the output's size.
    func warnings(file: String) -> [String] {
        [(float8, "FP8"), (mxfp4, "MXFP4")].filter { $0.0 > 0 }.map {
            "\(escaped(file)): \($0.0) tensors are \($0.1); they are read, and written, as bfloat16"
        }
    }

    private static let scale = "_scale_inv"
    private static let blocks = "_blocks"
    private static let scales = "_scales"

    private static func isInputScale(_ name: String) -> Bool {
        inputScales.contains { name.hasSuffix(".\($0)") || name.hasSuffix("_\($0)") }
    }

    private static func float8(
        _ tensor: TensorView, _ tensors: [String: TensorView], _ form: Quantisation.Form
    ) throws(CheckpointError) -> TensorView? {
        guard tensor.type == .float8E4M3 || tensor.type == .float8E5M2 else { return nil }
        let name = tensor.name + scale
        guard let scales = tensors[name] else {
            guard case .float8 = form else { return nil }
            throw CheckpointError(
                file: tensor.path, tensor: tensor.name,
                reason: .encoding("is FP8 without \(escaped(name)), by which it is multiplied"))
        }
        func failure(_ text: String) -> CheckpointError {
            CheckpointError(file: tensor.path, tensor: tensor.name, reason: .encoding(text))
        }
        guard case .plain = tensor.form else {
            throw failure("is FP8 and does not lie row by row; save a copy of it, contiguous()")
        }
        let info = TensorInfo(name: tensor.name, type: .bfloat16, shape: tensor.shape)
        guard info.byteCount != nil else { throw failure("is too large") }
        guard BlockScales.types.contains(scales.type), case .plain = scales.form else {
            throw CheckpointError(
                file: scales.path, tensor: name,
                reason: .encoding("found \(scales.type.rawValue), expected scales in F32 or BF16"))
        }
        guard let block = blockSize(tensor.shape, scales.shape, form) else {
            throw CheckpointError(
                file: scales.path, tensor: name,
                reason: .encoding(
                    "found shape \(scales.shape), which are no blocks of \(tensor.shape)"))
        }
        return tensor.reading(
            info,
            .float8(
                BlockScales(
                    type: tensor.type, scales: scales, blockRows: block.rows,
                    blockColumns: block.columns)))
    }

    /// Of the size that `config.json` says; where that does not fit, as many equal blocks as there
    /// are scales.
    private static func blockSize(
        _ shape: [Int], _ scales: [Int], _ form: Quantisation.Form
    ) -> (rows: Int, columns: Int)? {
        let columns = max(1, shape.last ?? 1)
        let rows = max(1, shape.dropLast().last ?? 1)
        if scales.allSatisfy({ $0 == 1 }) { return (rows, columns) }
        guard shape.count > 1, scales.count == shape.count,
            scales.dropLast(2) == shape.dropLast(2), !scales.contains(0)
        else { return nil }
        let (down, across) = (scales[scales.count - 2], scales[scales.count - 1])
        if case .float8(let size?) = form, (rows - 1) / size.rows + 1 == down,
            (columns - 1) / size.columns + 1 == across
        {
            return size
        }
        return rows % down == 0 && columns % across == 0
            ? (rows / down, columns / across) : nil
    }

    /// Source: `convert_moe_packed_tensors` in `integrations/mxfp4.py` of transformers.
    private static func mxfp4(
        _ tensor: TensorView, _ tensors: [String: TensorView]
    ) throws(CheckpointError) -> TensorView? {
        guard tensor.name.hasSuffix(blocks), tensor.type == .uint8 else { return nil }
        let name = String(tensor.name.dropLast(blocks.count))
        guard let scales = tensors[name + scales] else { return nil }
        let shape = tensor.shape
        guard shape.count == 4, shape[3] == MXFP4.blockBytes, scales.type == .uint8,
            scales.shape == Array(shape.dropLast()), case .plain = tensor.form,
            case .plain = scales.form
        else {
            throw CheckpointError(
                file: tensor.path, tensor: tensor.name,
                reason: .encoding(
                    "found \(tensor.type.rawValue) \(shape) with scales \(scales.type.rawValue) "
                        + "\(scales.shape); expected U8 [experts, rows, blocks, 16] and "
                        + "[experts, rows, blocks]"))
        }
        let info = TensorInfo(
            name: name, type: .bfloat16,
            shape: [shape[0], shape[2] * MXFP4.blockSize, shape[1]])
        guard info.byteCount != nil else {
            throw CheckpointError(
                file: tensor.path, tensor: tensor.name, reason: .overflow(shape: shape))
        }
        return tensor.reading(info, .mxfp4(scales: scales))
    }
}
