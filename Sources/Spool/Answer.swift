import Documents
import Posix

/// What came of a request: for whoever asked and waits.
package struct Answer: Sendable, Hashable {
    /// The request's file name.
    package let request: String
    package let uid: UInt32
    /// Unix time in seconds.
    package let time: Double
    /// Why it was refused; nil where it was granted.
    package let refusal: String?

    package init(request: Request, time: Double, refusal: String?) {
        self.request = request.fileName
        uid = request.uid
        self.time = time
        self.refusal = refusal.map { escaped($0, limit: Self.maximumLength) }
    }

    /// Of a refusal, in characters: the answers of many are kept in one small file.
    private static let maximumLength = 400

    var node: Node {
        .object([
            "request": Node(request), "uid": Node(Int(uid)), "time": Node(time),
            "refusal": Node(refusal),
        ])
    }

    init?(_ node: Node) {
        guard let request = node["request"]?.string, let time = node["time"]?.double,
            let uid = node["uid"]?.integer.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        self.request = request
        self.uid = uid
        self.time = time
        refusal = node["refusal"]?.string
    }
}
