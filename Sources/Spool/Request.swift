/// What somebody asks for by a file in the inbox, `.request-<verb>-<id>`, empty: about a job, its owner or
/// root; about the daemon, root or its own account, with any id that no other request has.
package struct Request: Sendable, Hashable {
    package enum Verb: String, Sendable, Hashable, CaseIterable {
        case cancel, hold, release, retry, drain, undrain, reload

        /// Whether it is about the daemon as a whole.
        package var isAboutDaemon: Bool {
            switch self {
            case .cancel, .hold, .release, .retry: false
            case .drain, .undrain, .reload: true
            }
        }
    }

    package let verb: Verb
    package let id: String
    /// The owner of the file.
    package let uid: UInt32

    static let prefix = ".request-"

    package static func fileName(_ verb: Verb, _ id: String) -> String {
        "\(prefix)\(verb.rawValue)-\(id)"
    }

    /// nil where `fileName` is not a request's.
    init?(fileName: String, uid: UInt32) {
        guard fileName.hasPrefix(Self.prefix) else { return nil }
        let rest = fileName.dropFirst(Self.prefix.count)
        guard let dash = rest.firstIndex(of: "-"),
            let verb = Verb(rawValue: String(rest[..<dash])),
            JobIdentifier.isValid(String(rest[rest.index(after: dash)...]))
        else { return nil }
        self.verb = verb
        id = String(rest[rest.index(after: dash)...])
        self.uid = uid
    }
}
