import Documents

extension Architecture {
    /// Of a name; the first where it depends on the configuration.
    package static func named(_ name: String) -> Architecture? { all.first { $0.name == name } }

    /// The names of all families, each once.
    package static var supported: [String] {
        all.reduce(into: []) { if !$0.contains($1.name) { $0.append($1.name) } }
    }

    /// Of a configuration; nil where no family has this name, or none of its kinds such settings.
    package static func of(_ config: Node, named name: String) -> Architecture? {
        all.first { architecture in
            architecture.name == name
                && architecture.conditions.allSatisfy { condition in
                    let node = condition.isInner ? architecture.settings(config) : config
                    let found = node[condition.key].flatMap { $0.isNull ? nil : $0 }
                    return (found ?? condition.defaultValue).value == condition.value.value
                }
        }
    }

    /// Of the language model, out of `config.json`.
    func settings(_ config: Node) -> Node {
        guard let settingsKey else { return config }
        return config[settingsKey].flatMap { $0.members == nil ? nil : $0 } ?? .object([:])
    }

    /// `config.json` with other settings of the language model.
    func replacing(_ settings: Node, in config: Node) -> Node {
        guard let settingsKey else { return settings }
        return config.setting(settingsKey, to: settings)
    }
}
