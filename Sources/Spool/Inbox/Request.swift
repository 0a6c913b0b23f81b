import Posix

/// What somebody asks for by a file in the inbox, `.request-<verb>-<id>`, empty: about a job, its
/// owner or root; about the daemon, root, with any id that no other request has. Behind the id may
/// come a dot and letters or digits of one's own choice, so that nobody else can have the name
/// first.
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
    package let fileName: String
    /// Why the file does not count, whatever it asks for; nil: it does.
    package internal(set) var objection: String?

    package static func fileName(_ verb: Verb, _ id: String, tag: String? = nil) -> String {
        "\(Layout.Inbox.requestPrefix)\(verb.rawValue)-\(id)" + (tag.map { ".\($0)" } ?? "")
    }

    /// For a file name that nobody can know before.
    package static func randomTag() -> String {
        let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
        return String(
            decoding: (0..<16).map { _ in alphabet[Int.random(in: 0..<alphabet.count)] },
            as: UTF8.self)
    }

    package init(_ verb: Verb, _ id: String, uid: UInt32) {
        self.verb = verb
        self.id = id
        self.uid = uid
        fileName = Self.fileName(verb, id)
    }

    /// nil where `fileName` is not a request's.
    init?(fileName: String, uid: UInt32) {
        guard fileName.hasPrefix(Layout.Inbox.requestPrefix) else { return nil }
        let rest = fileName.dropFirst(Layout.Inbox.requestPrefix.count)
        guard let dash = rest.firstIndex(of: "-"),
            let verb = Verb(rawValue: String(rest[..<dash]))
        else { return nil }
        let parts = rest[rest.index(after: dash)...].split(
            separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let id = parts.first.map(String.init), JobIdentifier.isValid(id),
            parts.count == 1 || Self.isTag(parts[1])
        else { return nil }
        self.verb = verb
        self.id = id
        self.uid = uid
        self.fileName = fileName
    }

    private static func isTag(_ text: Substring) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            }
    }
}
