import Tensors

/// One head of queries on one window. All matrices are `[length, features of a head]`.
struct AttentionHead {
    let settings: AttentionOperation.Settings
    /// Its number.
    let head: Int
    let query: MatrixView
    let key: MatrixView
    let value: MatrixView
    let output: MatrixView
    /// Gradients; nil where none is wanted.
    let byOutput: MatrixView?
    let byQuery: MatrixView?
    let byKey: MatrixView?
    let byValue: MatrixView?

    /// The columns of one head.
    static func columns(_ x: MatrixView, _ head: Int, _ size: Int) -> MatrixView {
        x.part(rows: 0..<x.rows, columns: (head * size)..<((head + 1) * size))
    }

    func forward(_ buffers: AttentionBuffers) {
        forEachBlock { rows, keys in
            let (weights, _) = weigh(rows, keys, buffers)
            multiply(weights, part(value, keys), transposed: false, into: part(output, rows))
        }
    }

    func backward(_ buffers: AttentionBuffers) {
        guard let byOutput else { return }
        byKey?.fill(0)
        byValue?.fill(0)
        forEachBlock { rows, keys in
            let (weights, capped) = weigh(rows, keys, buffers)
            let change = part(byOutput, rows)
            if let byValue {
                multiplyTransposed(weights, change, into: part(byValue, keys), accumulates: true)
            }
            let changes = buffers.changes.prefix(rows: rows.count, columns: keys.count)
            multiply(change, part(value, keys), transposed: true, into: changes)
            softmaxGradient(weights, changes, scale: settings.cap == nil ? settings.scale : 1)
            if let cap = settings.cap, let capped {
                softcapGradient(changes, capped, scale: settings.scale, at: cap)
            }
            if let byQuery {
                multiply(changes, part(key, keys), transposed: false, into: part(byQuery, rows))
            }
            if let byKey {
                multiplyTransposed(
                    changes, part(query, rows), into: part(byKey, keys), accumulates: true)
            }
        }
    }

    private func part(_ x: MatrixView, _ rows: Range<Int>) -> MatrixView {
        x.part(rows: rows, columns: 0..<x.columns)
    }

    /// Calls `body` with some queries and all the keys that any of them sees.
    private func forEachBlock(_ body: (_ rows: Range<Int>, _ keys: Range<Int>) -> Void) {
        for first in stride(from: 0, to: query.rows, by: AttentionOperation.queries) {
            let rows = first..<min(query.rows, first + AttentionOperation.queries)
            body(rows, oldest(of: first)..<rows.upperBound)
        }
    }

    private func oldest(of position: Int) -> Int {
        settings.window.map { max(0, position - $0 + 1) } ?? 0
    }

    /// - Returns: the keys' weights, `[queries, keys]`, and their scores behind a cap, where
    ///   there is one.
    private func weigh(
        _ rows: Range<Int>, _ keys: Range<Int>, _ buffers: AttentionBuffers
    ) -> (weights: MatrixView, capped: MatrixView?) {
        let weights = buffers.weights.prefix(rows: rows.count, columns: keys.count)
        multiply(part(query, rows), part(key, keys), transposed: true, into: weights)
        var capped: MatrixView?
        var scale = settings.scale
        if let cap = settings.cap {
            softcap(weights, scale: scale, at: cap)
            let copy = buffers.scores.prefix(rows: rows.count, columns: keys.count)
            copy.copy(from: weights)
            (capped, scale) = (copy, 1)
        }
        if let alibi = settings.alibi {
            alibi.apply(weights, head: head, scale: scale, from: keys.lowerBound)
            scale = 1
        }
        softmax(weights, scale: scale, sink: settings.sinks?[head]) { row in
            let position = rows.lowerBound + row
            return (oldest(of: position) - keys.lowerBound)..<(position + 1 - keys.lowerBound)
        }
        return (weights, capped)
    }
}
