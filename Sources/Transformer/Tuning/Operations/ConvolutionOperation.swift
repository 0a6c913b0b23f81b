import Tensors

/// A convolution along each window, whose own weights stay.
struct ConvolutionOperation: GroupOperation {
    let convolution: CausalConvolution
    let input: Use
    let output: Variable

    /// Channels that a thread takes at a time.
    private static let channels = 64

    func forward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try forEachPart(group, pool) { rows, channels in
            let before = convolution.kernel - 1
            let seen = Matrix(rows: before + rows.count, columns: channels.count)
            seen.rows(before..<seen.rows).copy(from: part(input.value(rows), channels))
            convolution.apply(
                seen.view, channels: channels, into: part(output.value.rows(rows), channels))
        }
    }

    func backward(_ group: TuningGroup, _ pool: WorkerPool) throws {
        try forEachPart(group, pool) { rows, channels in
            guard let dx = input.gradient(rows) else { return }
            convolution.gradient(
                part(output.gradient.rows(rows), channels), channels: channels,
                into: part(dx, channels))
        }
    }

    private func part(_ x: MatrixView, _ channels: Range<Int>) -> MatrixView {
        x.part(rows: 0..<x.rows, columns: channels)
    }

    private func forEachPart(
        _ group: TuningGroup, _ pool: WorkerPool,
        _ body: @Sendable (_ rows: Range<Int>, _ channels: Range<Int>) -> Void
    ) throws {
        let parts = (convolution.channels + Self.channels - 1) / Self.channels
        try pool.forEach(group.windows * parts) { index in
            let (window, place) = index.quotientAndRemainder(dividingBy: parts)
            let start = place * Self.channels
            body(
                (window * group.length)..<((window + 1) * group.length),
                start..<min(convolution.channels, start + Self.channels))
        }
    }

    /// What it takes for each thread, in bytes.
    static func bytes(kernel: Int, length: Int) -> Int { 4 * channels * (kernel - 1 + length) }
}
