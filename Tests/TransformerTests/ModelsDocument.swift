import Foundation

import Transformer

/// `docs/models.md`: every family, out of the values of `Architecture`.
enum ModelsDocument {
    static let path =
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("docs/models.md").path

    static var text: String {
        let rows = Architecture.supported.sorted().map { name in
            let values = Architecture.all.filter { $0.name == name }
            let cells = [
                "`\(name)`", "`\(values[0].className)`", joined(values.map(biases)),
                joined(values.map(channels)), joined(values.map(peculiarities)),
            ]
            return "| \(cells.joined(separator: " | ")) |"
        }
        return """
            # Models

            The families that stade prunes, by `model_type` in `config.json`. `make models` writes \
            this page from the values that
            the program itself computes with.

            Every family was compared with transformers 5.23: statistics, masks, biases, \
            perplexities, and the output as it is
            read again. Each takes every method, `unstructured` and every `N:M`. What is not here \
            is refused by its name.

            - **Biases**: the layers that always have one, and the flags of `config.json` that \
            stade may set to give others one. A
              family without either carries no bias ([more](manifest.md#model-families-and-biases)).
            - **Channels**: what `pattern: channels` may take: channels of feed-forwards and of \
            experts, heads.
              Shared experts only where `targets` name them, or with the others
              ([more](manifest.md#channels)).
            - Of a model that also sees, stade prunes the language model. All else passes through \
            unchanged.
            - Blocks behind `num_hidden_layers`, which predict further tokens, pass through \
            unchanged.

            | `model_type` | class | biases | channels | peculiarities |
            |---|---|---|---|---|
            \(rows.joined(separator: "\n"))

            """
    }

    /// What several values of a family have, each once.
    private static func joined(_ texts: [String]) -> String {
        var found: [String] = []
        for text in texts where !found.contains(text) { found.append(text) }
        return found.joined(separator: "; or ")
    }

    private static func biases(_ architecture: Architecture) -> String {
        var parts: [String] = []
        if !architecture.biases.isEmpty { parts.append("always: \(list(architecture.biases))") }
        if let roles = architecture.mixture?.biases, !roles.isEmpty {
            parts.append("always: the experts' \(list(roles))")
        }
        for flag in architecture.biasFlags {
            let isKept = flag.givesMore ? " as it is" : ""
            parts.append("`\(flag.key)`\(isKept): \(list(flag.roles))")
        }
        if let relabel = architecture.relabel { parts.append("others as a `\(relabel.name)`") }
        return parts.isEmpty ? "none" : parts.joined(separator: "; ")
    }

    private static func list(_ roles: Set<Role>) -> String {
        roles.sorted().map { words[$0] ?? $0.rawValue }.joined(separator: ", ")
    }

    private static let words: [Role: String] = [
        .queryKeyValue: "query-key-value", .gateUp: "gate-up", .queryGate: "query-gate",
        .convolutionInput: "convolution's input", .convolutionOutput: "convolution's output",
        .queryLatent: "query latent", .keyValueLatent: "key-value latent",
    ]

    private static func channels(_ architecture: Architecture) -> String {
        var parts: [String] = []
        if let mixture = architecture.mixture {
            parts.append(mixture.shared == nil ? "experts" : "experts, \(shared(mixture))")
        }
        let isPlain = architecture.mixture.map { $0.blocks != .all } ?? true
        if isPlain, architecture.keys.intermediateSize != nil { parts.append("feed-forward") }
        let isWhole = architecture.headNorms.map { $0.extent != .head && $0.flag == nil } ?? false
        switch architecture.headCount {
        case _ where architecture.latent != nil || architecture.names.sinks != nil: break
        case .free where !isWhole: parts.append("heads")
        case .dividingHiddenSize where !isWhole:
            parts.append("heads, of which numbers divide `hidden_size`")
        default: break
        }
        return parts.isEmpty ? "none" : parts.joined(separator: ", ")
    }

    private static func shared(_ mixture: Architecture.Mixture) -> String {
        if mixture.beside != nil { return "the feed-forward beside them" }
        if case .experts = mixture.shared?.size { return "the shared one with them" }
        return "the shared one"
    }

    private static func peculiarities(_ architecture: Architecture) -> String {
        var parts = [norm(architecture), position(architecture)].compactMap(\.self)
        if architecture.latent != nil { parts.append("attention by latents") }
        if let norms = architecture.headNorms {
            let kind = norms.extent == .whole ? "all queries and keys" : "each head"
            parts.append("norms over \(kind)\(norms.flag.map { " by `\($0)`" } ?? "")")
        }
        switch architecture.recurrence?.mixer {
        case nil, .attention: break
        case .deltaRule: parts.append("the gated delta rule beside gated attention")
        case .convolution: parts.append("short convolutions beside attention")
        }
        switch architecture.window {
        case .none: break
        default: parts.append("sliding window")
        }
        switch architecture.rotary.skips {
        case .none: break
        default: parts.append("some blocks rotate nothing")
        }
        if architecture.rotary.sliding != nil { parts.append("a rotation for each kind of block") }
        if architecture.hasKindsOfHeads {
            parts.append("heads of two sizes, keys and values of earlier blocks in the last ones")
        }
        if architecture.perLayerInput != nil {
            parts.append("an embedding for each block, whose layers stay as they are")
        }
        if architecture.defaults.parallelResidual {
            parts.append("attention and feed-forward side by side")
        }
        if architecture.names.sinks != nil { parts.append("attention sinks") }
        if architecture.feedForward == .plain { parts.append("no gate") }
        if architecture.feedForward == .clampedGate { parts.append("a gate within limits") }
        if let mixture = architecture.mixture {
            parts.append(mixture.shared == nil ? "experts" : "experts, a shared one")
        }
        if architecture.storesColumns { parts.append("weights stored as [in, out]") }
        if architecture.settingsKey != nil { parts.append("its language model") }
        if !architecture.conditions.isEmpty {
            let texts = architecture.conditions.map { "`\($0.key)`" }
            parts.append("by \(texts.joined(separator: ", "))")
        }
        return parts.joined(separator: ", ")
    }

    private static func norm(_ architecture: Architecture) -> String? {
        let kind: String? =
            switch architecture.norm {
            case .rms: nil
            case .rmsAroundOne: "RMS norms around one"
            case .layer: "layer norms"
            case .layerAroundOne: "layer norms around one"
            case .layerWithoutBias: "layer norms without biases"
            case .layerWithoutWeights: "layer norms without weights"
            }
        guard architecture.names.attentionOutputNorm != nil else { return kind }
        let place = architecture.names.attentionNorm == nil ? "behind" : "before and behind"
        return "\(kind.map { "\($0), " } ?? "")norms \(place)"
    }

    private static func position(_ architecture: Architecture) -> String? {
        switch architecture.position {
        case .learned: return "learned positions"
        case .linearBias: return "ALiBi"
        case .rotary:
            let isPart = architecture.rotary.fraction != nil || architecture.rotary.count != nil
            let pairs = architecture.rotary.pairs == .neighbours ? "neighbours rotated" : nil
            let parts = [isPart ? "a part of each head rotated" : nil, pairs].compactMap(\.self)
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
    }
}
