import Glibc

/// What the environment asks for.
struct Settings {
    /// SEED: the same cases again.
    let seed: UInt64
    /// MINUTES: how long.
    let seconds: Double
    /// CASE: only this one, whose files are kept.
    let onlyCase: Int?
    /// ONLY: only targets whose name begins so.
    let only: String
    /// KEEP: where inputs go that failed.
    let keep: String
    /// Of `staded` and `stadectl`: beside this program.
    let programs: String
    /// The root of the sources: the current directory.
    let project: String

    init() {
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
        }
        seed = variable("SEED").flatMap { UInt64($0) } ?? UInt64(UInt32.random(in: 1 ... .max))
        seconds = 60 * (variable("MINUTES").flatMap { Double($0) } ?? 3)
        onlyCase = variable("CASE").flatMap { Int($0) }
        only = variable("ONLY") ?? ""
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = max(0, readlink("/proc/self/exe", &buffer, buffer.count))
        let own = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        programs = "/" + own.split(separator: "/").dropLast().joined(separator: "/")
        project = getcwd(&buffer, buffer.count).map { String(cString: $0) } ?? "."
        keep = variable("KEEP") ?? "\(project)/.build/fuzz"
    }
}
