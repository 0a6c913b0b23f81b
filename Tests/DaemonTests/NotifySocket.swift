import Glibc
import Posix

/// The service manager's end of sd_notify(3): a datagram socket.
final class NotifySocket {
    let path: String
    private let descriptor: CInt
    /// Every `NAME=value` received so far.
    private(set) var received: [String] = []

    init(in directory: String) throws {
        path = joined(directory, "notify")
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if bound != 0 { throw SystemError("bind", path) }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close(descriptor) }

    /// Reads what has come.
    func poll() {
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { return }
            let text = String(decoding: buffer[..<count], as: UTF8.self)
            received += text.split(separator: "\n").map(String.init)
        }
    }

    func has(_ prefix: String) -> Bool {
        poll()
        return received.contains { $0.hasPrefix(prefix) }
    }
}
