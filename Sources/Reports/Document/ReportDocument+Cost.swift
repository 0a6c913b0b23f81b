import Documents

/// What is smaller and faster, and what it took.
extension ReportDocument {
    package struct Cost: ReportPart, Hashable {
        /// Of the blocks' linear layers, pruned or not.
        package var weights = 0
        /// Of the pruned layers.
        package var zeros = 0
        package var parametersPruned: Int?
        package var bytesDense: Int?
        package var bytesPruned: Int?
        package var bytesNonzero: Int?
        package var multiplyAddsDense: Int?
        package var multiplyAddsPruned: Int?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("weights", &weights)
            coder.required("zeros", &zeros)
            coder.rare("parameters_pruned", &parametersPruned)
            coder.rare("bytes_dense", &bytesDense)
            coder.rare("bytes_pruned", &bytesPruned)
            coder.rare("bytes_nonzero", &bytesNonzero)
            coder.rare("multiply_adds_per_token_dense", &multiplyAddsDense)
            coder.rare("multiply_adds_per_token_pruned", &multiplyAddsPruned)
        }

        /// The share of zeros among the blocks' weights.
        package var share: Double { weights > 0 ? Double(zeros) / Double(weights) : 0 }
    }

    /// Tokens of the evaluation per second through the blocks of both models.
    package struct Speed: ReportPart, Hashable {
        package private(set) var dense: Double?
        package private(set) var pruned: Double?

        package init() {}

        package init(dense: Double, pruned: Double) {
            self.dense = dense
            self.pruned = pruned
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("dense_tokens_per_second", &dense)
            coder.rare("pruned_tokens_per_second", &pruned)
        }
    }

    package struct Resources: ReportPart, Hashable {
        package var seconds: Double?
        package var peakMemory: Int?
        package var plannedMemory: Int?
        package var threads: Int?
        package var precision: String?
        /// Of the passes through the model.
        package var modelFlops: Double?
        package var flopsPerSecond: Double?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("seconds", &seconds)
            coder.rare("peak_memory_bytes", &peakMemory)
            coder.rare("planned_memory_bytes", &plannedMemory)
            coder.rare("threads", &threads)
            coder.rare("precision", &precision)
            coder.rare("model_flops", &modelFlops)
            coder.rare("flops_per_second", &flopsPerSecond)
        }
    }

    /// How wide the blocks were and are.
    package struct Channels: ReportPart, Hashable {
        package private(set) var dense = Widths()
        package private(set) var pruned = Widths()
        /// Why heads stay although they were asked for.
        package private(set) var headsKept: String?

        package init() {}

        package init(dense: Widths, pruned: Widths, headsKept: String?) {
            self.dense = dense
            self.pruned = pruned
            self.headsKept = headsKept
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.member("dense", &dense)
            coder.member("pruned", &pruned)
            coder.rare("heads_kept", &headsKept)
        }
    }

    /// By the names that most families have in `config.json`.
    package struct Widths: ReportPart, Hashable {
        package private(set) var intermediate: Int?
        package private(set) var expert: Int?
        package private(set) var shared: Int?
        package private(set) var heads: Int?
        package private(set) var keyValueHeads: Int?

        package init() {}

        package init(
            intermediate: Int?, expert: Int?, shared: Int?, heads: Int, keyValueHeads: Int
        ) {
            self.intermediate = intermediate
            self.expert = expert
            self.shared = shared
            self.heads = heads
            self.keyValueHeads = keyValueHeads
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("intermediate_size", &intermediate)
            coder.rare("expert_intermediate_size", &expert)
            coder.rare("shared_expert_intermediate_size", &shared)
            coder.rare("num_attention_heads", &heads)
            coder.rare("num_key_value_heads", &keyValueHeads)
        }
    }

    /// One output of a job with several.
    package struct Point: ReportPart, Hashable {
        package var method: String?
        package var sparsity = 0.0
        package var output = ""
        package var zeros = 0
        package var multiplyAdds: Int?
        package var bytes: Int?
        /// As in the report of the output itself; NaN also where nothing was measured.
        package private(set) var perplexity: Double?
        package private(set) var loss: Double?
        package private(set) var ratioError: Double?
        package private(set) var likeness = Comparison.Likeness()
        package private(set) var choicesChange: Comparison.Accuracy?
        package private(set) var perplexityText: String?

        package init() {}

        package mutating func code(_ coder: inout NodeCoder) {
            coder.rare("method", &method)
            coder.required("sparsity", &sparsity)
            coder.member("output", &output)
            coder.required("zeros", &zeros)
            coder.rare("multiply_adds_per_token", &multiplyAdds)
            coder.rare("bytes", &bytes)
            coder.number("perplexity", &perplexity)
            coder.number("loss", &loss)
            coder.member("ratio_standard_error", &ratioError)
            coder.members(of: &likeness)
            coder.member("choices_change", &choicesChange)
            coder.rare("perplexity_text", &perplexityText)
        }

        /// - Parameter comparison: with the dense model; nil without an evaluation.
        package mutating func note(_ comparison: Comparison?) {
            let measured = comparison?.perplexity
            perplexity = measured?.pruned ?? .nan
            loss = measured?.prunedLoss?.mean ?? .nan
            ratioError = measured?.ratioError
            perplexityText = measured?.prunedText
            let nothing = Estimate(mean: .nan, standardError: nil)
            likeness =
                comparison?.fidelity?.likeness
                ?? Comparison.Likeness(agreement: nothing, divergence: nothing)
            choicesChange = comparison?.choices?.change
        }

        /// A point without words was not measured where its perplexity is null.
        private var isMeasured: Bool { perplexity?.isFinite == true || perplexityText != nil }

        var perplexityMeasured: Measured? {
            isMeasured ? Measured(perplexity, words: perplexityText) : nil
        }

        var agreement: Measured? { isMeasured ? Measured(likeness.agreement) : nil }

        var divergence: Measured? { isMeasured ? Measured(likeness.divergence) : nil }
    }
}
