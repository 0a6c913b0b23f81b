import Glibc

/// The most memory that this process has had resident, in bytes: `VmHWM` of proc_pid_status(5).
///
/// `ru_maxrss` of getrusage(2), which stands in where there is no `/proc`, starts at what the
/// parent had when it started the process.
package func peakResidentMemory() -> Int {
    if let status = try? readFile("/proc/self/status"),
        let line = String(decoding: status, as: UTF8.self)
            .split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
        let kibibytes = line.split(whereSeparator: { " \t".contains($0) }).dropFirst().first
            .flatMap({ Int($0) })
    {
        return kibibytes << 10
    }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    // Kilobytes on Linux.
    return usage.ru_maxrss << 10
}
