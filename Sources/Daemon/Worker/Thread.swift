import Glibc

/// Runs `body` on a thread of its own: pthread_create(3).
///
/// - Parameter stack: in bytes; nil: what the process's threads have. It counts against
///   RLIMIT_DATA.
/// - Returns: the error number, 0 for success.
func startThread(stack: Int? = nil, _ body: @escaping @Sendable () -> Void) -> CInt {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    if let stack { pthread_attr_setstacksize(&attributes, stack) }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let code = pthread_create(
        &thread, &attributes,
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
