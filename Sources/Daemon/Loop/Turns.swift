import Dispatch
import Posix
import Spool

/// When the daemon takes its next turn, and when it takes none any more.
///
/// All state of the daemon belongs to the one serial queue: events, signals and timers only ask for
/// a turn there.
final class Turns: @unchecked Sendable {
    // Unchecked: all but `exit` belongs to `queue`.

    let queue = DispatchQueue(label: "daemon")
    private var turn: () -> Void = {}
    private var timer: (any DispatchSourceTimer)?
    private var signals: (any DispatchSourceRead)?
    private var isDue = false
    /// When the daemon began to stop, on `Clock.boot`; nil: it has not.
    private(set) var stopBegun: Double?
    var isStopping: Bool { stopBegun != nil }
    /// Why the daemon stops by itself.
    private(set) var failure: ExitCode?
    private let exit = Handover<ExitCode>()

    /// Turns begin: `turn` is called on the queue.
    func begin(_ turn: @escaping () -> Void) {
        dispatchPrecondition(condition: .onQueue(queue))
        self.turn = turn
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler { [unowned self] in take() }
        self.timer = timer
        timer.schedule(deadline: .now() + 1)
        timer.resume()
        take()
    }

    private func take() {
        isDue = false
        if timer != nil { turn() }
    }

    /// Asks for a turn soon; many askers get one.
    func request() {
        dispatchPrecondition(condition: .onQueue(queue))
        if isDue { return }
        isDue = true
        queue.async { self.take() }
    }

    /// The next turn comes after so many seconds, if nothing else asks for one before.
    func schedule(after seconds: Double) {
        timer?.schedule(deadline: .now() + max(seconds, 0.01), leeway: .milliseconds(20))
    }

    /// Calls `handler` on the queue with each signal that comes, until the process ends.
    func listen(_ received: ReceivedSignals, _ handler: @escaping (CInt) -> Void) {
        let source = DispatchSource.makeReadSource(
            fileDescriptor: received.descriptor, queue: queue)
        source.setEventHandler { for number in received.take() { handler(number) } }
        source.resume()
        signals = source
    }

    /// - Parameter failure: what the daemon is to exit with; the first one stands.
    /// - Returns: whether it was not stopping already.
    func beginStop(_ failure: ExitCode?) -> Bool {
        dispatchPrecondition(condition: .onQueue(queue))
        self.failure = self.failure ?? failure
        defer { stopBegun = stopBegun ?? Clock.boot() }
        return !isStopping
    }

    /// Turns are being taken: they have begun and not ended.
    var isOn: Bool { timer != nil }

    /// No turn comes after this.
    func end() {
        dispatchPrecondition(condition: .onQueue(queue))
        timer?.cancel()
        timer = nil
    }

    /// Lets `wait` return.
    func leave() { exit.set(failure ?? .done) }

    /// Waits until the daemon has stopped.
    func wait() -> ExitCode { exit.wait() }
}
