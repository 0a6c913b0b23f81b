import Dispatch
import Synchronization

/// A value that one thread waits for and another sets once.
final class Handover<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isSet = DispatchSemaphore(value: 0)

    func set(_ value: Value) {
        self.value.withLock { $0 = value }
        isSet.signal()
    }

    /// May be called by several threads and more than once.
    func wait() -> Value {
        while true {
            isSet.wait()
            isSet.signal()
            if let value = value.withLock({ $0 }) { return value }
        }
    }
}
