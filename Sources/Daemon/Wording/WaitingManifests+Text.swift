import Posix
import Spool

extension WaitingManifests {
    /// For whoever asks what has become of a manifest.
    /// - Parameter limit: `limits.waiting_per_user`, where it is known.
    func text(limit: Int?) -> String {
        let isOne = count == 1 && !hasMore
        let number = (hasMore ? "more than " : "") + "\(count) manifest" + (isOne ? "" : "s")
        let why =
            switch reason {
            case .user:
                "one user may have \(limit.map { "\($0)" } ?? "only so many") waiting "
                    + "(limits.waiting_per_user)"
            case .disk: "the spool's disk is nearly full (limits.reserve)"
            case .rejections: "many were rejected, and the next are taken more slowly"
            }
        let first = oldest.first.map { "; next: \(escaped($0, limit: 80))" } ?? ""
        return "\(number) of \(userName(uid)) wait\(isOne ? "s" : "") in the inbox: \(why)\(first)"
    }
}
