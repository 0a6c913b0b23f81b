/// Which keys a document may have, section by section.
package struct Schema: Sendable {
    /// A section's name (empty for the top level) and its keys, in the order of the documentation.
    package typealias Sections = [(name: String, keys: [String])]

    private let sections: Sections

    package init(_ sections: Sections) { self.sections = sections }

    package func keys(of section: String) -> [String] {
        sections.first { $0.name == section }?.keys ?? []
    }

    /// Why `key` may not stand in `section`, and what to write instead.
    func refusal(of key: String, in section: String) -> String {
        let found = "found the unknown key \(quoted(key))"
        let homes = sections.filter { $0.keys.contains { Node.Key($0) == Node.Key(key) } }
        if !homes.isEmpty {
            let places = homes.map { $0.name.isEmpty ? "at the top level" : "under '\($0.name)'" }
            let here = section.isEmpty ? "at the top level" : "under '\(section)'"
            return "found the key '\(key)' \(here); it belongs \(places.joined(separator: " or "))"
        }
        let keys = keys(of: section)
        if let nearest = Spelling.nearest(to: key, among: keys) {
            return found + "; did you mean '\(nearest)'?"
        }
        return found + "; expected " + Spelling.alternatives(keys.map { "'\($0)'" })
    }
}
