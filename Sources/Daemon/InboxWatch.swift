import Dispatch
import Glibc
import Posix
import Spool

/// inotify(7) on the inbox. What it says only makes the daemon look earlier than it would anyway.
final class InboxWatch {
    enum Event {
        case name([CChar], Hints.Kind)
        /// Something about a name changed, or the kernel lost events.
        case unclear
        /// The directory was removed, renamed or unmounted.
        case gone
    }

    /// The watched directory, to be compared with what is at its path later.
    private let device: dev_t
    private let inode: ino_t
    private let path: String
    private let source: any DispatchSourceRead

    /// - Parameter handler: called on `queue`.
    /// - Throws: `ENOSPC` where the user has no watches left.
    init(
        _ path: String, on queue: DispatchQueue, handler: @escaping ([Event]) -> Void
    ) throws(SystemError) {
        let descriptor = inotify_init1(O_NONBLOCK | O_CLOEXEC)
        if descriptor < 0 { throw SystemError("watch", path) }
        let mask =
            IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
        var status = stat()
        guard inotify_add_watch(descriptor, path, UInt32(bitPattern: Int32(mask))) >= 0,
            stat(path, &status) == 0
        else {
            let error = SystemError("watch", path)
            close(descriptor)
            throw error
        }
        self.path = path
        device = status.st_dev
        inode = status.st_ino
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler { handler(Self.read(descriptor)) }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    deinit { source.cancel() }

    /// Whether the path still leads to the watched directory: nothing tells of a mount over it.
    var isAttached: Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_dev == device && status.st_ino == inode
    }

    private static func read(_ descriptor: CInt) -> [Event] {
        var events: [Event] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count <= 0 { return events }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                let header = MemoryLayout<inotify_event>.size
                while offset + header <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let end = offset + header + Int(event.len)
                    guard end <= count else { break }
                    let name = bytes[offset + header..<end].prefix { $0 != 0 }
                    events.append(
                        Event(event.mask, name.map { CChar(bitPattern: $0) } + [0]))
                    offset = end
                }
            }
        }
    }
}

extension InboxWatch.Event {
    fileprivate init(_ mask: UInt32, _ name: [CChar]) {
        let mask = Int32(bitPattern: mask)
        if mask & Int32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED) != 0 {
            self = .gone
        } else if mask & Int32(IN_MOVED_TO) != 0 {
            self = .name(name, .moved)
        } else if mask & Int32(IN_CLOSE_WRITE) != 0 {
            self = .name(name, .closed)
        } else {
            self = .unclear
        }
    }
}
