import Documents
import Glibc
import Posix

/// What the figures were measured on.
enum Machine {
    static var processor: String { about("model name") ?? "unknown" }

    /// Whether there are products of bfloat16.
    static var hasBfloat16: Bool {
        (about("flags") ?? "").split(separator: " ").contains("avx512_bf16")
    }

    /// A value of the first processor in /proc/cpuinfo.
    private static func about(_ key: String) -> String? {
        let bytes = (try? readFile("/proc/cpuinfo")) ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        let line = lines.first { $0.hasPrefix(key) }
        return line?.split(separator: ":", maxSplits: 1).last.map { String($0.dropFirst()) }
    }

    /// Bytes of memory in all.
    static var memory: Int { sysconf(CInt(_SC_PHYS_PAGES)) * sysconf(CInt(_SC_PAGESIZE)) }

    /// Bytes of the largest cache, which all cores share; 0 where it is not known.
    static var cache: Int { max(0, sysconf(CInt(_SC_LEVEL3_CACHE_SIZE))) }

    /// Now, in UTC, as ISO 8601 has it.
    static var time: String {
        var now = Glibc.time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        var text = [CChar](repeating: 0, count: 32)
        let count = strftime(&text, text.count, "%FT%TZ", &parts)
        return String(decoding: text[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Ticks of all processors since the start: in all, and stolen, that is, when a virtual
    /// machine's processor wanted to run and the host ran something else. Source: proc(5),
    /// /proc/stat.
    static var ticks: (all: Int, stolen: Int) {
        let bytes = (try? readFile("/proc/stat")) ?? []
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        let numbers = line.split(separator: " ").dropFirst().prefix(8).compactMap { Int($0) }
        return (numbers.reduce(0, +), numbers.count == 8 ? numbers[7] : 0)
    }

    static var node: Node {
        .object([
            "processor": Node(processor), "processors": Node(availableProcessors),
            "memory_bytes": Node(memory), "cache_bytes": Node(cache),
        ])
    }
}
