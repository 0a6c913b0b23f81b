import Documents
import Tensors

/// What the machine can do at most, as `Tensors` asks it to.
enum Ceiling: String, Sendable {
    case float32 = "matrix float32"
    /// Factors rounded to bfloat16 and multiplied as float32: where that is faster than the next.
    case roundedFloat32 = "matrix bfloat16 in float32"
    case bfloat16 = "matrix bfloat16"
    /// Memory that is read, and memory that is copied: bytes read and written.
    case read = "memory read"
    case copy = "memory copy"

    init(_ input: ProductInput) {
        switch input {
        case .float32: self = .float32
        case .roundedFloat32: self = .roundedFloat32
        case .bfloat16: self = .bfloat16
        }
    }
}

extension Run {
    func measureCeiling() throws {
        for input in ProductInput.allCases {
            // oneDNN refuses where the processor has none.
            if input == .bfloat16 && !Machine.hasBfloat16 { continue }
            for (tokens, inputs, outputs) in [(2048, 2048, 2048), (2048, 1024, 4096)] {
                let layer = Linear(
                    weights: randomMatrix(outputs, inputs, seed: 1), bias: nil, input: input)
                try measure(
                    Ceiling(input).rawValue, "\(tokens) x \(inputs) by \(inputs) x \(outputs)",
                    .flops(2 * tokens * inputs * outputs),
                    state: { _ in LinearState(layer, tokens: tokens, rows: tokens) },
                    { $0.apply() })
            }
        }
        // Twice what the caches hold, so that none of it stays there.
        let bytes = max(256 << 20, 2 * Machine.cache)
        let columns = 4096
        let share = bytes / settings.threads / MemoryLayout<Float>.size / columns
        let size = "\(bytes >> 20) MiB in all"
        try measure(
            Ceiling.read.rawValue, size, .bytes(share * columns * 4),
            state: { randomMatrix(share, columns, seed: $0) },
            { matrix in precondition(total(matrix).isFinite) })
        try measure(
            Ceiling.copy.rawValue, size, .bytes(share / 2 * columns * 4 * 2),
            state: {
                (
                    randomMatrix(share / 2, columns, seed: $0),
                    Matrix(rows: share / 2, columns: columns)
                )
            },
            { source, target in target.copy(from: source) })
    }
}

/// The sum of all elements, whose reading is what takes time. The columns must divide by 32.
private func total(_ matrix: Matrix) -> Float {
    let start = UnsafeRawPointer(matrix.start)
    var a = SIMD8<Float>()
    var b = a
    var c = a
    var d = a
    for i in stride(from: 0, to: matrix.rows * matrix.columns * 4, by: 128) {
        a += start.load(fromByteOffset: i, as: SIMD8<Float>.self)
        b += start.load(fromByteOffset: i + 32, as: SIMD8<Float>.self)
        c += start.load(fromByteOffset: i + 64, as: SIMD8<Float>.self)
        d += start.load(fromByteOffset: i + 96, as: SIMD8<Float>.self)
    }
    return ((a + b) + (c + d)).sum()
}
