import Documents

extension Fields {
    /// The fields of a whole document of version 1. The version is checked before the keys, because
    /// a document of another version may well have other keys.
    static func versionOne(
        _ node: Node, file: String, schema: Schema
    ) throws(DocumentError) -> Fields {
        let fields = try Fields(node, file: file)
        guard let version = node["version"] else {
            throw fields.error("found no 'version', which is required; expected 'version: 1'")
        }
        guard version.integer == 1 else {
            throw fields.mismatch("version", version, expected: "1")
        }
        return try Fields(node, file: file, schema: schema)
    }
}
