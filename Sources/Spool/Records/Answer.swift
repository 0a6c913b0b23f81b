import Documents
import Posix

/// What came of a request: for whoever asked and waits.
package struct Answer: Sendable, Hashable {
    /// The request's file name.
    package private(set) var request: String
    package private(set) var uid: UInt32
    /// Unix time in seconds.
    package private(set) var time: Double
    /// Why it was refused; nil where it was granted.
    package private(set) var refusal: String?

    package init(request: Request, time: Double, refusal: String?) {
        self.request = request.fileName
        uid = request.uid
        self.time = time
        self.refusal = refusal.map { escaped($0, limit: Self.maximumLength) }
    }

    /// Of a refusal, in characters: the answers of many are kept in one small file.
    private static let maximumLength = 400
}

extension Answer: CodedValue {
    package static let blank = Answer(
        request: Request(.cancel, "", uid: .max), time: 0, refusal: nil)

    package mutating func code(_ coder: inout NodeCoder) {
        coder.required("request", &request)
        coder.required("uid", &uid)
        coder.required("time", &time)
        coder.member("refusal", &refusal)
    }
}
