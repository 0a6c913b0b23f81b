import CLinux
import Dispatch
import Glibc
import Posix
import Spool
import Synchronization

/// inotify(7) on the inbox. What it says only makes the daemon look earlier than it would anyway.
///
/// A queue of its own reads the events, so that however many come the kernel's queue does not run
/// over while the daemon is busy, and keeps of them what is of interest (`Hints`).
final class InboxWatch {
    private struct State {
        var hints = Hints()
        var hasGone = false
        /// Nobody has taken the hints since the handler was called.
        var isTold = false
    }

    /// The watched directory, to be compared with what is at its path later.
    private let device: dev_t
    private let inode: ino_t
    private let path: String
    private let events: Events
    private let source: any DispatchSourceRead

    /// - Parameter handler: called on `queue` when there is something to take.
    /// - Throws: `ENOSPC` where the user has no watches left.
    init(
        _ path: String, on queue: DispatchQueue, handler: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 { throw SystemError("watch", path) }
        let mask =
            IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
        var status = stat()
        let directory = stade_open(path, stade_o_path | O_DIRECTORY | O_CLOEXEC, 0)
        guard directory >= 0,
            inotify_add_watch(descriptor, path, UInt32(bitPattern: Int32(mask))) >= 0,
            fstat(directory, &status) == 0
        else {
            let error = SystemError("watch", path)
            close(descriptor)
            if directory >= 0 { close(directory) }
            throw error
        }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
        // Kept open it would keep the inbox from being unmounted.
        close(directory)
        let events = Events(descriptor, path, queue, handler)
        self.events = events
        source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: DispatchQueue(label: "inbox"))
        source.setEventHandler { events.read() }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    deinit { source.cancel() }

    /// Whether the path still leads to the watched directory: nothing tells of a mount over it.
    var isAttached: Bool {
        var status = stat()
        return !events.hasGone && stat(path, &status) == 0 && status.st_dev == device
            && status.st_ino == inode
    }

    /// What was seen since the last time.
    func take() -> Hints { events.take() }

    private final class Events: Sendable {
        /// Reads of the kernel's queue in a row, so that a flood does not keep it from being
        /// closed.
        private static let maximumReads = 64

        private let descriptor: CInt
        private let path: String
        private let queue: DispatchQueue
        private let handler: @Sendable () -> Void
        private let state = Mutex(State())

        init(
            _ descriptor: CInt, _ path: String, _ queue: DispatchQueue,
            _ handler: @escaping @Sendable () -> Void
        ) {
            self.descriptor = descriptor
            self.path = path
            self.queue = queue
            self.handler = handler
        }

        /// The directory was removed, renamed or unmounted.
        var hasGone: Bool { state.withLock { $0.hasGone } }

        func take() -> Hints {
            state.withLock { state in
                let hints = state.hints
                state.hints = Hints()
                state.isTold = false
                return hints
            }
        }

        func read() {
            var buffer = [UInt8](repeating: 0, count: 65536)
            // Where it is another one by now, names are found by the next look.
            let directory = stade_open(path, stade_o_path | O_DIRECTORY | O_CLOEXEC, 0)
            defer { if directory >= 0 { close(directory) } }
            for _ in 0..<Self.maximumReads {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                if count <= 0 { break }
                let mustTell = state.withLock { state in
                    note(buffer[..<count], in: directory, &state)
                    guard !state.isTold, !state.hints.isEmpty || state.hasGone else {
                        return false
                    }
                    state.isTold = true
                    return true
                }
                if mustTell { queue.async(execute: handler) }
            }
        }

        private func note(_ bytes: ArraySlice<UInt8>, in directory: CInt, _ state: inout State) {
            bytes.withUnsafeBytes { bytes in
                var offset = 0
                let header = MemoryLayout<inotify_event>.size
                while offset + header <= bytes.count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let end = offset + header + Int(event.len)
                    guard end <= bytes.count else { break }
                    let name = bytes[offset + header..<end].prefix { $0 != 0 }
                    note(
                        Int32(bitPattern: event.mask),
                        name.map { CChar(bitPattern: $0) } + [0], in: directory, &state)
                    offset = end
                }
            }
        }

        private func note(
            _ mask: Int32, _ name: [CChar], in directory: CInt, _ state: inout State
        ) {
            if mask & Int32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED) != 0 {
                state.hasGone = true
            } else if mask & Int32(IN_Q_OVERFLOW) != 0 {
                state.hints.noteLoss()
            } else {
                let kind: Hints.Kind =
                    mask & Int32(IN_MOVED_TO) != 0
                    ? .moved : mask & Int32(IN_CLOSE_WRITE) != 0 ? .closed : .changed
                state.hints.note(name, kind) { Self.owner(of: name, in: directory) }
            }
        }

        /// nil for what means nothing and is not worth a word either.
        private static func owner(of name: [CChar], in directory: CInt) -> UInt32? {
            if InboxName(name) == .hidden { return nil }
            var status = stat()
            guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
            return status.st_uid
        }
    }
}
