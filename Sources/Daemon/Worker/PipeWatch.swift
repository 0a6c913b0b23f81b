import Dispatch
import Glibc
import Posix
import Synchronization

/// Tells a queue when one of some pipes can be read, from a thread of its own: poll(2).
///
/// Not a dispatch source: on Linux, libdispatch of Swift 6.3 may free a source on a pipe whose
/// writer has gone while it still finds it by the descriptor's number, and crashes when the next
/// pipe has that number. With hundreds of short jobs it did.
final class PipeWatch: Sendable {
    private let isCancelled: Cancellation

    private final class Cancellation: Sendable { let flag = Atomic<Bool>(false) }

    /// - Parameters:
    ///   - descriptors: closed when the watch ends.
    ///   - handler: called on `queue` with a descriptor that has something to read or is at its
    ///     end; false where nothing more will come of it.
    /// - Throws: where there is no further thread; the descriptors are closed.
    init(
        _ descriptors: [CInt], on queue: DispatchQueue,
        handler: @escaping @Sendable (CInt) -> Bool
    ) throws(SystemError) {
        let cancellation = Cancellation()
        isCancelled = cancellation
        let code = startThread {
            var open = descriptors
            while !open.isEmpty && !cancellation.flag.load(ordering: .relaxed) {
                var polls = open.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
                // Somebody may keep a pipe open after the worker has gone: the flag is looked at.
                let count = poll(&polls, nfds_t(polls.count), 500)
                if count < 0 && errno != EINTR { break }
                for poll in polls where count > 0 && poll.revents != 0 {
                    let goesOn = queue.sync {
                        !cancellation.flag.load(ordering: .relaxed) && handler(poll.fd)
                    }
                    if !goesOn { open.removeAll { $0 == poll.fd } }
                }
            }
            for descriptor in descriptors { close(descriptor) }
        }
        if code != 0 {
            for descriptor in descriptors { close(descriptor) }
            throw SystemError("start a thread", "worker", errno: code)
        }
    }

    /// On the queue: the handler is not called again.
    func cancel() { isCancelled.flag.store(true, ordering: .relaxed) }
}
