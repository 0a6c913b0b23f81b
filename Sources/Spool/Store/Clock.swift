import Glibc

/// Clocks in seconds: clock_gettime(2).
package enum Clock {
    /// Since 1970, for people to read. It may step.
    package static func wall() -> Double { seconds(CLOCK_REALTIME) }

    /// Since the machine started, sleep included: for limits and settle times.
    package static func boot() -> Double { seconds(CLOCK_BOOTTIME) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var now = timespec()
        clock_gettime(clock, &now)
        return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
    }
}
