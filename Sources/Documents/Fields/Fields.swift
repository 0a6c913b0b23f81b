import Posix

/// Reads the typed values of an object; every error says where, what was found and what was
/// expected.
///
/// Made with a schema it is strict: unknown keys are errors, and so is `null`. Made without one, as
/// for a `config.json` that others write, it ignores keys that nobody asks for, and `null` counts
/// as absent. A key that is absent gives nil: see `required`.
package struct Fields: Sendable {
    package let node: Node
    package let file: String
    private let section: String
    private let schema: Schema?
    private let exitCode: ExitCode

    /// - Parameters:
    ///   - file: for messages only.
    ///   - section: the section's name in `schema` and in messages; empty for a whole document.
    package init(
        _ node: Node, file: String, section: String = "", schema: Schema? = nil,
        exitCode: ExitCode = .configuration
    ) throws(DocumentError) {
        self.node = node
        self.file = file
        self.section = section
        self.schema = schema
        self.exitCode = exitCode
        guard let members = node.members else {
            let what = section.isEmpty ? "" : " for '\(section)'"
            throw error("found \(node.summary)\(what); expected keys and their values", at: node)
        }
        guard let schema else { return }
        let keys = schema.keys(of: section)
        for member in members where !keys.contains(where: { Node.Key($0) == Node.Key(member.key) })
        {
            throw DocumentError(
                file: file, position: member.position,
                reason: schema.refusal(of: member.key, in: section), exitCode: exitCode)
        }
    }

    /// An error about a value, or about the whole object where that is nil.
    package func error(_ reason: String, at node: Node? = nil) -> DocumentError {
        DocumentError(
            file: file, position: (node ?? self.node).position, reason: reason, exitCode: exitCode)
    }

    /// `key` as messages name it: with its section.
    package func name(_ key: String) -> String {
        section.isEmpty ? "'\(key)'" : "'\(section).\(key)'"
    }

    /// An error about the value of `key`: what it is and what was expected.
    package func mismatch(_ key: String, _ found: Node, expected: String) -> DocumentError {
        error("found \(found.summary) for \(name(key)); expected \(expected)", at: found)
    }

    /// The value as it stands.
    package func value(_ key: String) -> Node? {
        guard let value = node[key], schema != nil || !value.isNull else { return nil }
        return value
    }

    /// `value`, or an error where it is nil because `key` is absent:
    /// `try fields.required("model", fields.path("model"))`.
    package func required<T>(_ key: String, _ value: T?) throws(DocumentError) -> T {
        guard let value else { throw error("found no \(name(key)), which is required") }
        return value
    }

    /// The object below `key`, under the same schema if there is one.
    package func section(_ key: String) throws(DocumentError) -> Fields? {
        guard let value = value(key) else { return nil }
        return try Fields(
            value, file: file, section: section.isEmpty ? key : "\(section).\(key)",
            schema: schema, exitCode: exitCode)
    }
}
