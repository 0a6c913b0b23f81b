import Dispatch
import Glibc
import Synchronization

/// Remembers that one of some signals came, instead of letting it end the process.
final class StopSignal: Sendable {
    private let raised: Raised
    private let sources: [Unchecked]

    private final class Raised: Sendable { let flag = Atomic<Bool>(false) }

    private struct Unchecked: @unchecked Sendable {
        // Unchecked: kept, never touched.
        let source: any DispatchSourceSignal
    }

    init(_ signals: [CInt]) {
        let raised = Raised()
        self.raised = raised
        // A queue of its own: the global ones may be busy with the job.
        let queue = DispatchQueue(label: "signals")
        sources = signals.map { number in
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { raised.flag.store(true, ordering: .relaxed) }
            source.resume()
            return Unchecked(source: source)
        }
    }

    var isRaised: Bool { raised.flag.load(ordering: .relaxed) }
}
