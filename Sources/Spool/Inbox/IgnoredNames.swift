/// Names in the inbox that mean nothing: the first few are warned of by name, the rest is counted.
struct IgnoredNames {
    /// Warned of by name at most, as long as they are there.
    private static let limit = 16
    private var named: [[CChar]: Bool] = [:]
    private var bucket: TokenBucket?
    /// Seen by the look that is under way, and not warned of by name.
    private var others = 0
    /// As many others were told of last.
    private var told = 0

    /// - Returns: whether to warn of the name.
    mutating func note(_ name: [CChar], isLook: Bool, now: Double) -> Bool {
        if named[name] != nil {
            named[name] = true
            return false
        }
        var bucket = self.bucket ?? TokenBucket(burst: Double(Self.limit), rate: 0.1, now: now)
        guard named.count < Self.limit, bucket.wait(now) == 0 else {
            if isLook { others += 1 }
            return false
        }
        bucket.take(now)
        self.bucket = bucket
        named[name] = true
        return true
    }

    mutating func beginLook() {
        for name in named.keys { named[name] = false }
        others = 0
    }

    /// - Returns: what to say of those that were only counted; nil: nothing new.
    mutating func endLook() -> String? {
        named = named.filter(\.value)
        if others < told / 2 { told = others }
        guard others > 0, others >= 2 * told else { return nil }
        told = others
        return "\(others) further names in the inbox are ignored: a manifest's name is UTF-8 and "
            + "ends in .yaml, and it is a regular file"
    }
}
