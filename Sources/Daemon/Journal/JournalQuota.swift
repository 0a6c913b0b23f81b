import Spool

/// How many lines one user can cause in the journal: a flood of refusals is told of by its number.
struct JournalQuota {
    private static let burst = 20.0
    /// Per second.
    private static let rate = 0.2
    /// Seconds between two lines about how many were left out.
    private static let interval = 30.0
    private static let maximumUsers = 1024

    private struct Account {
        var bucket: TokenBucket
        var leftOut = 0
    }

    private var accounts: [UInt32: Account] = [:]
    private var lastReport = 0.0

    /// Whether a line about that user's doings is to be written.
    mutating func admits(_ uid: UInt32, count: Int = 1, now: Double = Clock.boot()) -> Bool {
        if accounts.count >= Self.maximumUsers, accounts[uid] == nil {
            accounts = accounts.filter { !$0.value.bucket.isFull(now) || $0.value.leftOut > 0 }
            if accounts.count >= Self.maximumUsers { return false }
        }
        let full = Account(
            bucket: TokenBucket(burst: Self.burst, rate: Self.rate, now: now))
        var account = accounts[uid] ?? full
        defer { accounts[uid] = account }
        if account.bucket.wait(now) > 0 {
            account.leftOut += count
            return false
        }
        account.bucket.take(now)
        return true
    }

    /// How many lines were left out since the last time, for each user; empty where it is too
    /// early.
    mutating func report(now: Double = Clock.boot()) -> [(uid: UInt32, count: Int)] {
        guard now - lastReport >= Self.interval else { return [] }
        lastReport = now
        let result = accounts.filter { $0.value.leftOut > 0 }.sorted { $0.key < $1.key }
            .map { (uid: $0.key, count: $0.value.leftOut) }
        for (uid, _) in result { accounts[uid]?.leftOut = 0 }
        return result
    }

    /// Seconds until the next report; nil: there is nothing to report.
    func wait(now: Double = Clock.boot()) -> Double? {
        accounts.values.contains { $0.leftOut > 0 }
            ? max(0, lastReport + Self.interval - now) : nil
    }
}
