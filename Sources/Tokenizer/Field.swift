import Documents
import Posix

/// A value in a `tokenizer.json` with its path, so that every error names the file and the field.
struct Field: Sendable {
    let file: String
    /// As `pre_tokenizer.pretokenizers[0].type`.
    let path: String
    /// nil: the key is absent.
    let node: Node?

    subscript(key: String) -> Field {
        Field(file: file, path: path.isEmpty ? key : "\(path).\(key)", node: node?[key])
    }

    /// Absent, or `null`.
    var isNull: Bool { node?.isNull ?? true }

    func error(_ reason: String) -> DocumentError {
        DocumentError(
            file: file, position: node?.position, reason: "\(escaped(path)): \(reason)",
            exitCode: .data)
    }

    /// What a value of another type, or none, gets.
    func expected(_ what: String) -> DocumentError {
        error(node == nil ? "is missing; \(what) is expected" : "\(what) is expected")
    }

    func string() throws(DocumentError) -> String {
        guard let string = node?.string else { throw expected("a string") }
        return string
    }

    func bool() throws(DocumentError) -> Bool {
        guard let bool = node?.bool else { throw expected("true or false") }
        return bool
    }

    func bool(default value: Bool) throws(DocumentError) -> Bool {
        isNull ? value : try bool()
    }

    func token() throws(DocumentError) -> Int32 {
        guard let integer = node?.integer, let token = Int32(exactly: integer), token >= 0 else {
            throw expected("a token id, from 0 to \(Int32.max),")
        }
        return token
    }

    func members() throws(DocumentError) -> [Node.Member] {
        guard let members = node?.members else { throw expected("an object") }
        return members
    }

    /// The members of an object, each with its place.
    func children() throws(DocumentError) -> [(key: String, field: Field)] {
        try members().map { ($0.key, Field(file: file, path: "\(path).\($0.key)", node: $0.value)) }
    }

    func elements() throws(DocumentError) -> [Field] {
        guard let elements = node?.array else { throw expected("an array") }
        return elements.enumerated().map { index, node in
            Field(file: file, path: "\(path)[\(index)]", node: node)
        }
    }

    /// `type`, which says what the other fields mean.
    func type() throws(DocumentError) -> String { try self["type"].string() }

    /// For a `type` that is none of `supported`.
    func unsupported(_ type: String, supported: String) -> DocumentError {
        self["type"].error("\(quoted(type)) is not supported; supported are \(supported)")
    }
}
