import Documents

/// The mixture of experts as `config.json` has it.
package struct MixtureConfiguration: Sendable, Hashable {
    /// How many experts a block has, but for the shared one.
    package let experts: Int
    /// How many of them serve a token.
    package let expertsPerToken: Int
    /// `intermediate_size` of an expert.
    package let expertSize: Int
    /// `intermediate_size` of the shared expert; nil: there is none.
    package let sharedSize: Int?
    /// How many experts wide that is; nil: its width is a number of its own.
    package let sharedExperts: Int?
    /// Whether each block has a mixture. `[num_hidden_layers]`
    package let blocks: [Bool]
    /// Whether a token's weights are divided by their sum.
    package let normalises: Bool
    /// What that sum is at least, or nil.
    package let leastSum: Float?
    /// What the weights are multiplied with.
    package let scale: Float
    /// Groups of experts, and how many of them are left to choose from; nil: there are none.
    package let groups: Groups?
    /// How far below the largest score another one still counts, as a share.
    package let jitter: Float

    package struct Groups: Sendable, Hashable {
        package let count: Int
        package let kept: Int
    }

    /// - Throws: `ModelError` that names the key.
    init(
        _ reader: ConfigReader, _ mixture: Architecture.Mixture, blocks count: Int
    ) throws(ModelError) {
        let (keys, defaults) = (mixture.keys, mixture.defaults)
        let experts = try reader.size(
            oneOf: keys.experts, default: defaults.experts, atMost: 1 << 16)
        self.experts = experts
        expertsPerToken = try reader.expertsPerToken(keys, defaults, of: experts)
        let expertSize = try reader.size(keys.expertSize, default: defaults.expertSize)
        self.expertSize = expertSize
        switch mixture.shared?.size {
        case nil: (sharedSize, sharedExperts) = (nil, nil)
        case .key(let key, let fallback):
            (sharedSize, sharedExperts) = (try reader.sharedSize(key, default: fallback), nil)
        case .experts(let key, let fallback):
            let count = try reader.sharedSize(key, default: fallback, atMost: 1 << 10)
            (sharedSize, sharedExperts) = (count.map { $0 * expertSize }, count)
        }
        blocks = try reader.mixtureBlocks(mixture.blocks, count: count)
        let routing = mixture.routing
        normalises =
            try routing.normaliseKey.map { key throws(ModelError) in
                // Null is false there.
                let isNull = reader.node(key)?.isNull ?? false
                return try reader.flag(key, default: !isNull && routing.normalises)
            } ?? routing.normalises
        leastSum =
            if case .least(let key, let fallback) = routing.floor {
                Float(try reader.number(key, default: fallback))
            } else {
                nil
            }
        scale =
            try routing.scaleKey.map { key throws(ModelError) in
                Float(try reader.number(key, default: routing.defaultScale))
            } ?? 1
        groups = try reader.expertGroups(routing, experts: experts, perToken: expertsPerToken)
        jitter =
            routing.scores == .mixer
            ? try reader.share("router_jitter_noise", default: 0.01) : 0
        if routing.scores == .mixer, expertsPerToken != 2 {
            throw reader.wrong("num_experts_per_tok", expected: "2 for this family")
        }
    }
}

extension ConfigReader {
    /// A size under one of several names, which must agree where there are several.
    fileprivate func size(
        oneOf keys: [String], default fallback: Int?, atMost limit: Int
    ) throws(ModelError) -> Int {
        let present = keys.filter { value($0) != nil }
        guard let first = present.first else {
            guard let fallback else { throw missing(keys[0]) }
            return fallback
        }
        let size = try size(first, atMost: limit)
        for other in present.dropFirst() where try self.size(other, atMost: limit) != size {
            throw wrong(other, expected: "\(size) as \(first) says, or nothing")
        }
        return size
    }

    fileprivate func expertsPerToken(
        _ keys: Architecture.Mixture.Keys, _ defaults: Architecture.Mixture.Defaults,
        of experts: Int
    ) throws(ModelError) -> Int {
        let count = try size(
            oneOf: keys.expertsPerToken, default: defaults.expertsPerToken, atMost: 1 << 16)
        if count > experts {
            let present = keys.experts.first { value($0) != nil } ?? keys.experts[0]
            throw wrong(
                keys.expertsPerToken.first { value($0) != nil } ?? keys.expertsPerToken[0],
                expected: "at most the \(experts) of \(present)"
                    + (defaults.expertsPerToken.map { " (absent, it is \($0))" } ?? ""))
        }
        return count
    }

    /// nil where the number is 0.
    fileprivate func sharedSize(
        _ key: String, default fallback: Int, atMost limit: Int = 1 << 31
    ) throws(ModelError) -> Int? {
        try refuseNull(key)
        let size = try count(key, default: fallback, atMost: limit)
        return size == 0 ? nil : size
    }

    /// At least 0.
    fileprivate func share(_ key: String, default fallback: Double) throws(ModelError) -> Float {
        if value(key)?.double == 0 { return 0 }
        return Float(try number(key, default: fallback))
    }

    fileprivate func expertGroups(
        _ routing: Architecture.Mixture.Routing, experts: Int, perToken: Int
    ) throws(ModelError) -> MixtureConfiguration.Groups? {
        // Those that must be there have none.
        var defaults: (count: Int?, kept: Int?) = (nil, nil)
        switch routing.groups {
        case .none: return nil
        case .topTwo(let count, let kept): defaults = (count, kept)
        case .largest:
            try refuseNull("topk_method")
            let method = try text("topk_method", default: "greedy")
            if method == "greedy" { return nil }
            if method != "group_limited_greedy" {
                throw wrong("topk_method", expected: "greedy or group_limited_greedy")
            }
        }
        try refuseNull("n_group")
        try refuseNull("topk_group")
        let count = try size("n_group", default: defaults.count, atMost: experts)
        let kept = try size("topk_group", default: defaults.kept, atMost: count)
        if kept > count {
            throw wrong("topk_group", expected: "at most \(count), which n_group is")
        }
        if experts % count != 0 {
            throw wrong("n_group", expected: "a divisor of the \(experts) experts")
        }
        if routing.groups != .largest, experts / count < 2 {
            throw wrong("n_group", expected: "groups of two experts at least")
        }
        if perToken > kept * (experts / count) {
            throw wrong(
                "topk_group", expected: "groups with at least the \(perToken) experts of a token")
        }
        return MixtureConfiguration.Groups(count: count, kept: kept)
    }

    fileprivate func mixtureBlocks(
        _ rule: Architecture.Mixture.Blocks, count: Int
    ) throws(ModelError) -> [Bool] {
        let all = 0..<count
        switch rule {
        case .all: return all.map { _ in true }
        case .everyNth:
            let step = try size("decoder_sparse_step", default: 1)
            let plain = try indices("mlp_only_layers")
            return all.map { ($0 + 1) % step == 0 && !plain.contains($0) }
        case .from(let key, let fallback):
            try refuseNull(key)
            let first = try self.count(key, default: fallback)
            return all.map { $0 >= first }
        case .listed(let key, let first):
            guard let list = value(key) else { return all.map { $0 >= first } }
            let known = ["dense": false, "sparse": true]
            let kinds = (list.array ?? []).compactMap { $0.string.flatMap { known[$0] } }
            guard kinds.count == list.array?.count, kinds.count >= count else {
                throw wrong(key, expected: "a list of at least \(count) times dense or sparse")
            }
            return Array(kinds.prefix(count))
        case .interval:
            let step = try size("moe_layer_interval", default: 1)
            let first = try self.count("moe_layer_start_index", default: 1)
            // -1 is the last one.
            let end = value("moe_layer_end_index")
            let last =
                end == nil || end?.integer == -1
                ? count - 1 : try self.count("moe_layer_end_index", default: 0)
            return all.map { ($0 + 1) % step == 0 && $0 >= first && $0 <= last }
        }
    }

    /// Where null is not the same as nothing, and no model can be made of it.
    private func refuseNull(_ key: String) throws(ModelError) {
        if node(key)?.isNull == true { throw wrong(key, expected: "a value, or nothing") }
    }

    private func indices(_ key: String) throws(ModelError) -> Set<Int> {
        guard let node = value(key) else { return [] }
        let numbers = (node.array ?? []).compactMap(\.integer)
        guard let array = node.array, numbers.count == array.count else {
            throw wrong(key, expected: "a list of blocks")
        }
        return Set(numbers)
    }
}
