import Posix

/// What a name in the inbox means, by its bytes alone: most names in it cost no look at the file.
package enum InboxName: Hashable {
    case manifest(String)
    case request(String)
    /// Begins with a dot: a draft, or nobody's business.
    case hidden
    /// Ignored, and said so.
    case other

    /// - Parameter bytes: with the closing NUL.
    package init(_ bytes: [CChar]) {
        let bytes = bytes.dropLast().lazy.map { UInt8(bitPattern: $0) }
        let isHidden = bytes.first == UInt8(ascii: ".")
        if isHidden, !bytes.starts(with: Layout.Inbox.requestPrefix.utf8) {
            self = .hidden
        } else if !isHidden, !Self.isManifest(bytes) {
            self = .other
        } else if let text = String(validating: bytes, as: UTF8.self) {
            self = isHidden ? .request(text) : .manifest(text)
        } else {
            self = isHidden ? .hidden : .other
        }
    }

    private static func isManifest(_ bytes: some BidirectionalCollection<UInt8>) -> Bool {
        let ending = Layout.Inbox.manifestEnding.utf8
        return bytes.suffix(ending.count).elementsEqual(ending)
    }

    /// Whether a file of this name may be something to act on.
    package var isOfInterest: Bool { self != .hidden && self != .other }
}

/// A name's bytes for a log or a terminal, harmless whatever they are.
func displayName(_ bytes: [CChar]) -> String {
    escaped(String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self))
}
