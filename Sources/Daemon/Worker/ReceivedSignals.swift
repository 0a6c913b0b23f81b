import CLinux
import Glibc
import Posix
import Synchronization

/// Signals that reach this process as bytes of a pipe instead of ending it: sigaction(2),
/// signal-safety(7).
///
/// Not a dispatch source: Dispatch puts its handler in place some time after `resume`, on a thread
/// of its own, and a signal that comes before that ends the process. Nor are they blocked
/// meanwhile: libraries have threads before `main`, which would take them.
///
/// The handlers run on a thread of their own, and never on the one that calls `init` and then
/// computes: the products of oneDNN up to 3.11.1 point the stack pointer at buffers on the heap,
/// before which a signal would write its frame (github.com/uxlfoundation/oneDNN/issues/4845).
/// Dispatch's threads take none.
struct ReceivedSignals: Sendable {
    /// What to wait on. One pipe serves the whole process and is never closed.
    let descriptor: CInt

    /// Of the thread that waits for signals, in bytes: a frame with all registers takes 12 KiB.
    private static let stack = 256 << 10

    /// When this returns, the handlers are in place. To be called once, on the main thread.
    /// - Throws: where there is no further descriptor or thread.
    init(_ numbers: [CInt]) throws(SystemError) {
        var ends: [CInt] = [-1, -1]
        if stade_pipe(&ends) != 0 { throw SystemError("pipe", "signals") }
        // Neither a handler nor who asks what came may have to wait.
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        descriptor = ends[0]
        writer.store(ends[1], ordering: .releasing)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            let kept = errno
            // A full pipe has enough to tell.
            var byte = UInt8(truncatingIfNeeded: number)
            _ = Glibc.write(writer.load(ordering: .acquiring), &byte, 1)
            errno = kept
        }
        action.sa_flags = SA_RESTART
        sigfillset(&action.sa_mask)
        var set = sigset_t()
        sigemptyset(&set)
        for number in numbers {
            sigaction(number, &action, nil)
            sigaddset(&set, number)
        }
        // Whoever started this process may have blocked them.
        pthread_sigmask(SIG_UNBLOCK, &set, nil)
        // It begins with the mask that this thread has now.
        let code = startThread(stack: Self.stack) { while true { pause() } }
        if code != 0 { throw SystemError("start a thread", "signals", errno: code) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// The numbers of those that have come since it was last asked; several of a kind may be one.
    func take() -> [CInt] {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        return bytes.prefix(max(0, count)).map { CInt($0) }
    }
}

/// The end of the pipe that the handler writes to. Set before any handler is in place.
private let writer = Atomic<CInt>(-1)
