import Glibc
import Posix
import Synchronization

/// Remembers that one of some signals came, instead of letting it end the process.
final class StopSignal: Sendable {
    private let received: ReceivedSignals
    private let flag = Atomic<Bool>(false)

    /// - Parameter numbers: those of them that whoever started this process has it ignore, as
    ///   nohup(1) does with SIGHUP, stay ignored.
    init(_ numbers: [CInt]) throws(SystemError) {
        received = try ReceivedSignals(numbers.filter { !isIgnored($0) })
    }

    var isRaised: Bool {
        if !received.take().isEmpty { flag.store(true, ordering: .relaxed) }
        return flag.load(ordering: .relaxed)
    }
}
