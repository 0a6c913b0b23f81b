import Checkpoint
import Documents

/// Which layers of a model can be given a bias, and what that does to its configuration.
///
/// A flag of `config.json` is all or nothing: every layer that it covers then needs a bias tensor,
/// zeros where nothing was added. Source: the table of families in transformers' modeling files.
package struct BiasPlan: Sendable {
    package enum Policy: String, Sendable, Hashable {
        /// The layer has a bias, or a flag gives it one.
        case native
        /// The same weights are written under an architecture whose layers can have one.
        case relabel
        /// No bias can be carried.
        case none
    }

    private let source: Architecture
    /// The architecture that is written: another one only with `relabel`.
    private let target: Architecture
    private let configuration: ModelConfiguration
    private let capable: Set<Role>
    private let allowsNative: Bool
    /// What keeps the tokens under another architecture; nil where there is none.
    private let label: TokenizerLabel?

    /// - Parameters:
    ///   - wanted: the roles of which some layer's method would use a bias.
    ///   - allowsNative, allowsRelabel: the manifest's `bias`.
    package init(
        _ model: Model, wanted: Set<Role>, allowsNative: Bool, allowsRelabel: Bool
    ) {
        self.allowsNative = allowsNative
        source = model.architecture
        configuration = model.configuration
        let native = allowsNative ? Self.capable(source, existing: configuration.biases) : []
        if allowsRelabel, !wanted.isSubset(of: native), let relabel = source.relabel,
            configuration.windows.allSatisfy({ $0 == nil })
        {
            label = TokenizerLabel(model.checkpoint, relabel: relabel)
        } else {
            label = nil
        }
        if let label, label.obstacle == nil, let relabel = source.relabel,
            let other = Architecture.named(relabel.name),
            other.headCount == .free
                || configuration.hiddenSize % configuration.numAttentionHeads == 0
        {
            target = other
            capable = Self.capable(other, existing: configuration.biases)
        } else {
            target = source
            capable = native
        }
    }

    private static func capable(_ architecture: Architecture, existing: Set<Role>) -> Set<Role> {
        architecture.biasFlags.filter { !$0.givesMore }.reduce(existing) { $0.union($1.roles) }
    }

    package func policy(_ layer: LayerKey) -> Policy {
        // Flags are said of layers that every block has.
        if layer.expert != nil || layer.role == .router {
            let mixture = source.mixture
            let hasBias =
                layer.expert != nil
                ? mixture?.biases.contains(layer.role) : mixture?.routerHasBias
            return allowsNative && hasBias == true ? .native : .none
        }
        guard capable.contains(layer.role) else { return .none }
        return target.name == source.name ? .native : .relabel
    }

    /// Why the family stays although another one could carry more biases, in words.
    package var obstacle: String? {
        label?.obstacle.map { "as \(source.relabel?.name ?? "") its tokens would change: \($0)" }
    }

    /// `tokenizer_config.json` for the output; nil where it stays as it is.
    package func tokenizerSettings(used: Set<Role>) -> Node? {
        guard case .settings(let node) = label, written(used: used).name != source.name else {
            return nil
        }
        return node
    }

    /// The family under which the weights are written when the layers of `used` were given a bias.
    package func written(used: Set<Role>) -> Architecture { used.isEmpty ? source : target }

    /// The roles that have a bias in the output when the layers of `used` were given one.
    package func rolesWithBias(used: Set<Role>) -> Set<Role> {
        let needed = configuration.biases.union(used)
        if used.isEmpty { return needed }
        return target.biasFlags.filter { !$0.roles.isDisjoint(with: needed) }
            .reduce(needed) { $0.union($1.roles.intersection(source.roles)) }
    }

    /// Whether a flag that gives layers a bias gives the head one too that it has not had.
    package func addsHeadBias(used: Set<Role>) -> Bool {
        guard !used.isEmpty, target.name == source.name, !configuration.headHasBias else {
            return false
        }
        let biased = rolesWithBias(used: used)
        return source.biasFlags.contains {
            $0.key == source.keys.headBias && !$0.roles.isDisjoint(with: biased)
        }
    }

    /// `config.json` for the output; the same node where nothing has to change.
    package func edit(_ config: Node, used: Set<Role>) -> Node {
        if used.isEmpty { return config }
        return source.replacing(editSettings(source.settings(config), used: used), in: config)
    }

    private func editSettings(_ config: Node, used: Set<Role>) -> Node {
        let biased = rolesWithBias(used: used)
        var result = config
        for flag in target.biasFlags {
            let isOn = !flag.roles.isDisjoint(with: biased)
            let reader = ConfigReader(config: config, file: "", aliases: target.keys.aliases)
            if isOn != (reader.value(flag.key)?.bool ?? flag.defaultValue) {
                result = result.setting(reader.found(flag.key), to: Node(.bool(isOn)))
            }
        }
        guard target.name != source.name else { return result }
        for key in source.relabel?.dropped ?? [] { result = result.removing(key) }
        result = result.setting("model_type", to: Node(.string(target.name)))
        result = result.setting(
            "architectures", to: Node(.array([Node(.string(target.className))])))
        // The other family has other defaults for what is absent.
        let resolved: [(String, Node.Value)] = [
            ("num_key_value_heads", .integer(configuration.numKeyValueHeads)),
            ("head_dim", .integer(configuration.headDim)),
            ("max_position_embeddings", .integer(configuration.maxPositionEmbeddings)),
            ("tie_word_embeddings", .bool(configuration.tieWordEmbeddings)),
        ]
        for (key, value) in resolved where config[key].map(\.isNull) ?? true {
            result = result.setting(key, to: Node(value))
        }
        return result
    }
}
