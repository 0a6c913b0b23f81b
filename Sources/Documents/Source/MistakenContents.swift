import Posix

/// What a file holds in place of what its name promises: the commonest mistakes with files of
/// models.
package enum MistakenContents {
    /// How much of a file tells.
    package static let headSize = 1024

    /// A page or a pointer that stands for the file; nil for anything else.
    ///
    /// - Parameters:
    ///   - head: the first `headSize` bytes, or all where there are fewer.
    ///   - Returns: what is wrong and what to do, to be read behind the file's name.
    package static func text(of head: some Collection<UInt8>) -> String? {
        var bytes = Array(head.prefix(headSize))
        let isShort = bytes.count < 512
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        let spaces: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        bytes = Array(bytes.drop { spaces.contains($0) })
        let text = String(decoding: bytes, as: UTF8.self)
        if text.hasPrefix("version https://git-lfs.github.com/spec/") {
            return
                "is a Git LFS pointer, not the file itself; run 'git lfs pull' in the clone that "
                + "it came from, or download it again"
        }
        let low = text.lowercased()
        if ["<!doctype html", "<html", "<head", "<body", "<!--"].contains(where: low.hasPrefix),
            low.contains("<html") || low.contains("<!doctype html") || low.contains("<body")
        {
            return
                "is an HTML page, not the file itself; download it again, from the address of the "
                + "file and with access to it"
        }
        if low.hasPrefix("<?xml") || low.hasPrefix("<error>") {
            return "is an XML page, not the file itself; download it again"
        }
        let line = text.prefix { $0 != "\n" && $0 != "\r" }
        if text.hasPrefix("{"), isShort, answer(text) {
            return answered(String(line))
        }
        if isShort, answers.contains(where: low.hasPrefix) { return answered(String(line)) }
        return nil
    }

    /// An object that a server sends in place of a file; nil for any other.
    package static func answer(_ node: Node) -> String? {
        guard let members = node.members, members.count <= 3,
            let first = members.first(where: { ["error", "detail"].contains($0.key) })
        else { return nil }
        return answered(first.value.string ?? first.key)
    }

    /// What weights in another form are, by their first bytes; nil for anything else.
    package static func otherWeights(_ head: some Collection<UInt8>) -> String? {
        let bytes = Array(head.prefix(8))
        let kinds: [(magic: [UInt8], text: String)] = [
            (Array("GGUF".utf8), "is a GGUF file"), (Array("GGML".utf8), "is a GGML file"),
            ([0x50, 0x4B, 0x03, 0x04], "is a ZIP archive, as PyTorch writes weights"),
            ([0x80, 0x02], "is a pickle, as PyTorch wrote weights"),
            ([0x80, 0x03], "is a pickle"), ([0x80, 0x04], "is a pickle"),
            ([0x89, 0x48, 0x44, 0x46], "is an HDF5 file, as TensorFlow writes weights"),
            ([0x1F, 0x8B], "is compressed by gzip"),
            ([0x28, 0xB5, 0x2F, 0xFD], "is compressed by zstd"),
            ([0xFD, 0x37, 0x7A, 0x58], "is compressed by xz"),
        ]
        guard let kind = kinds.first(where: { bytes.starts(with: $0.magic) }) else { return nil }
        return kind.text + ", not safetensors; "
            + (kind.text.contains("compressed")
                ? "unpack it" : "convert the model with save_pretrained of transformers")
    }

    /// How such answers begin, in small letters.
    private static let answers = [
        "entry not found", "repository not found", "invalid username or password", "not found",
        "404: not found", "404 not found", "401 ", "403 ", "access to model", "unauthorized",
        "forbidden", "access denied", "invalid credentials", "internal server error", "bad gateway",
        "too many requests", "rate limit",
    ]

    private static func answer(_ text: String) -> Bool {
        let rest = text.dropFirst().drop { $0.isWhitespace }
        return ["\"error\"", "\"detail\"", "\"message\""].contains(where: rest.hasPrefix)
    }

    private static func answered(_ text: String) -> String {
        "is a server's answer ('\(escaped(text, limit: 60))'), not the file itself; download it "
            + "again, with access to it"
    }
}
