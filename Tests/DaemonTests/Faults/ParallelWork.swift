import Synchronization

/// What a thread of `inParallel` is given.
class AnyParallelWork {
    func run() {}
}

/// Elements that threads take one after the other, and what came of them.
final class ParallelWork<Element: Sendable>: AnyParallelWork, @unchecked Sendable {
    // Unchecked: all that changes is in the mutex.
    private let state: Mutex<(rest: ArraySlice<Element>, results: [String])>
    private let body: @Sendable (Element) -> [String]

    init(_ elements: [Element], _ body: @escaping @Sendable (Element) -> [String]) {
        state = Mutex((elements[...], []))
        self.body = body
    }

    override func run() {
        while let element = state.withLock({ $0.rest.popFirst() }) {
            let result = body(element)
            state.withLock { $0.results += result }
        }
    }

    var results: [String] { state.withLock { $0.results } }
}
