import Synchronization

extension WorkerPool {
    /// Rows that a thread takes at a time: a constant, for the shapes of products and the order of
    /// sums must not depend on the number of threads.
    package static let chunk = 64

    /// Calls `body` with the rows `0..<rows` in chunks of `size`; see `forEach`.
    package func forEachChunk(
        ofRows rows: Int, by size: Int = chunk,
        _ body: @Sendable (_ rows: Range<Int>) throws -> Void
    ) throws {
        try forEachChunk(ofRows: rows, by: size, state: { () }) { range, _ in try body(range) }
    }

    package func forEachChunk<State>(
        ofRows rows: Int, by size: Int = chunk, state make: @Sendable () throws -> State,
        _ body: @Sendable (_ rows: Range<Int>, _ state: inout State) throws -> Void
    ) throws {
        try forEach((rows + size - 1) / size, state: make) { index, state in
            try body((index * size)..<min(rows, (index + 1) * size), &state)
        }
    }

    /// As above. `body` writes the elements of `target`, `[rows, width]`, that belong to its rows.
    package func forEachChunk<Element, State>(
        ofRows rows: Int, by size: Int = chunk, writing target: inout [Element],
        state make: @Sendable () throws -> State,
        _ body:
            @Sendable (
                _ rows: Range<Int>, _ target: inout MutableSpan<Element>, _ state: inout State
            ) throws -> Void
    ) throws {
        precondition(rows > 0 ? target.count % rows == 0 : target.isEmpty, "rows differ")
        let width = rows > 0 ? target.count / rows : 0
        try target.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            // No two chunks have an element in common.
            nonisolated(unsafe) let elements = start
            try forEachChunk(ofRows: rows, by: size, state: make) { range, state in
                var part = MutableSpan(
                    _unsafeStart: elements + range.lowerBound * width, count: range.count * width)
                try body(range, &part, &state)
            }
        }
    }

    /// As above, without a state.
    package func forEachChunk<Element>(
        ofRows rows: Int, by size: Int = chunk, writing target: inout [Element],
        _ body:
            @Sendable (_ rows: Range<Int>, _ target: inout MutableSpan<Element>) throws -> Void
    ) throws {
        try forEachChunk(ofRows: rows, by: size, writing: &target, state: { () }) {
            range, part, _ in try body(range, &part)
        }
    }

    /// Adds up what `body` makes of each chunk, in the order of the rows.
    package func sum<Part: Sendable, State>(
        ofRows rows: Int, by size: Int = chunk, from zero: Part,
        state make: @Sendable () throws -> State,
        add: @escaping @Sendable (_ sum: inout Part, _ part: Part) -> Void,
        _ body: @Sendable (_ rows: Range<Int>, _ state: inout State) throws -> Part
    ) throws -> Part {
        let total = Mutex(zero)
        let reduction = OrderedReduction<Part> { part in total.withLock { add(&$0, part) } }
        try forEachChunk(ofRows: rows, by: size, state: make) { range, state in
            reduction.add(try body(range, &state), at: range.lowerBound / size)
        }
        return total.withLock { $0 }
    }

    /// As above, without a state.
    package func sum<Part: Sendable>(
        ofRows rows: Int, by size: Int = chunk, from zero: Part,
        add: @escaping @Sendable (_ sum: inout Part, _ part: Part) -> Void,
        _ body: @Sendable (_ rows: Range<Int>) throws -> Part
    ) throws -> Part {
        try sum(ofRows: rows, by: size, from: zero, state: { () }, add: add) { range, _ in
            try body(range)
        }
    }
}

/// Adds two sums of the same length, element by element.
package func addElements<Number: AdditiveArithmetic>(_ sum: inout [Number], _ part: [Number]) {
    for index in part.indices { sum[index] += part[index] }
}
