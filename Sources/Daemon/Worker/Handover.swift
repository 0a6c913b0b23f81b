import Dispatch
import Glibc
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

/// Runs `body` on a thread of its own: pthread_create(3).
/// - Returns: the error number, 0 for success.
func startThread(_ body: @escaping @Sendable () -> Void) -> CInt {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    if code == 0 {
        pthread_detach(thread)
    } else {
        box.release()
    }
    return code
}
