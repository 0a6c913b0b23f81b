import Documents

/// What was done to layers and blocks.
extension ReportDocument {
    package struct Layer: ReportPart, Hashable {
        package var name = ""
        package var block = 0
        package var rows = 0
        package var columns = 0
        /// The score that judged the layer.
        package var method = ""
        package var zeros = 0
        package var sparsity = 0.0
        package var sparsityAsked: Double?
        package var compensation = ""
        package var biasShare: Double?
        package var bias = Bias()
        package var expectedError: Double?
        package var measuredError: Double?
        package var carriedMean: Double?
        package var carriedScale: Double?
        /// What is left, where the layer became smaller.
        package var kept: Kept?
        package var damping: Double?
        /// Of a mixture, from 0; nil: no expert's.
        package var expert: Int?
        /// Of an expert's layer: the tokens that it was judged by.
        package var statistics: Statistics?
        /// Why it did not get what was asked for, if it did not.
        package var reason: String?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("name", &name)
            coder.required("block", &block)
            coder.required("rows", &rows)
            coder.required("columns", &columns)
            coder.member("method", &method)
            coder.required("zeros", &zeros)
            coder.required("sparsity", &sparsity)
            coder.member("sparsity_asked", &sparsityAsked)
            coder.member("compensation", &compensation)
            coder.member("bias_share", &biasShare)
            coder.member("bias", &bias)
            coder.member("expected_error", &expectedError)
            coder.member("measured_error", &measuredError)
            coder.rare("carried_mean", &carriedMean)
            coder.rare("carried_scale", &carriedScale)
            coder.rare("kept", &kept)
            coder.rare("damping", &damping)
            coder.rare("expert", &expert)
            coder.rare("statistics", &statistics)
            coder.rare("reason", &reason)
        }

        /// The name within its block, e.g. `mlp.down_proj`: what layers of all blocks have in
        /// common.
        var role: String {
            let parts = name.split(separator: ".")
            guard let index = parts.firstIndex(where: { Int($0) == block }) else { return name }
            return parts[(index + 1)...].joined(separator: ".")
        }
    }

    package struct Statistics: ReportPart, Hashable {
        /// That the expert serves.
        package private(set) var tokens = 0
        /// `expert`, or `block` where the expert serves too few: then all tokens of its block.
        package private(set) var of = ""

        package init() {}

        package init(tokens: Int, isPooled: Bool) {
            self.tokens = tokens
            of = isPooled ? "block" : "expert"
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("tokens", &tokens)
            coder.required("of", &of)
        }
    }

    package struct Bias: ReportPart, Hashable {
        package private(set) var policy = ""
        package private(set) var added = false

        package init() {}

        package init(policy: String, added: Bool) {
            self.policy = policy
            self.added = added
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.member("policy", &policy)
            coder.member("added", &added)
        }
    }

    package struct Kept: ReportPart, Hashable {
        package private(set) var rows = 0
        package private(set) var columns = 0

        package init() {}

        package init(rows: Int, columns: Int) {
            self.rows = rows
            self.columns = columns
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("rows", &rows)
            coder.required("columns", &columns)
        }
    }

    package struct Block: ReportPart, Hashable {
        package private(set) var index = 0
        package private(set) var meanSquaredError: Double?
        package private(set) var cosine: Double?
        package private(set) var seconds: Double?
        /// nil where the block was not tuned.
        package var tuning: Tuning?

        package init() {}

        package init(index: Int, meanSquaredError: Double?, cosine: Double?, seconds: Double) {
            self.index = index
            self.meanSquaredError = meanSquaredError
            self.cosine = cosine
            self.seconds = seconds
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("index", &index)
            coder.member("mse", &meanSquaredError)
            coder.member("cosine", &cosine)
            coder.member("seconds", &seconds)
            coder.rare("tuning", &tuning)
        }
    }

    /// What tuning a block has reached: the mean loss of calibration windows that were held out.
    package struct Tuning: ReportPart, Hashable {
        package private(set) var before: Double?
        /// As the block is written.
        package private(set) var after: Double?
        /// After how many passes it was best; 0: it is as it was pruned.
        package private(set) var passes = 0

        package init() {}

        package init(before: Double, after: Double, passes: Int) {
            self.before = before
            self.after = after
            self.passes = passes
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.member("loss_before", &before)
            coder.member("loss_after", &after)
            coder.required("passes", &passes)
        }
    }

    /// Layers by role, in the order in which they first come.
    var roles: [(name: String, layers: [Layer])] {
        var result: [(name: String, layers: [Layer])] = []
        for layer in layers {
            if let index = result.firstIndex(where: { $0.name == layer.role }) {
                result[index].layers.append(layer)
            } else {
                result.append((layer.role, [layer]))
            }
        }
        return result
    }

    /// How many layers got what, in the order in which they first come, e.g. `stade with affine`.
    var treatments: [(text: String, count: Int)] {
        var counts: [(text: String, count: Int)] = []
        for layer in layers {
            let text = "\(layer.method) with \(layer.compensation)"
            if let index = counts.firstIndex(where: { $0.text == text }) {
                counts[index].count += 1
            } else {
                counts.append((text, 1))
            }
        }
        return counts
    }
}
