import Documents

/// Whole blocks that went.
extension ReportDocument {
    package struct Cut: ReportPart, Hashable {
        /// By their numbers in the dense model, ascending.
        package private(set) var removed: [Int] = []
        /// Of the dense model.
        package private(set) var blocks = 0
        package private(set) var seams: [Seam] = []
        package private(set) var choice: Choice?
        /// Of the keys and values of one token.
        package private(set) var cacheBytesDense: Int?
        package private(set) var cacheBytesPruned: Int?

        package init() {}

        package init(
            removed: [Int], blocks: Int, seams: [Seam], choice: Choice?, cacheBytesDense: Int,
            cacheBytesPruned: Int
        ) {
            self.removed = removed
            self.blocks = blocks
            self.seams = seams
            self.choice = choice
            self.cacheBytesDense = cacheBytesDense
            self.cacheBytesPruned = cacheBytesPruned
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("removed", &removed)
            coder.required("of", &blocks)
            coder.rare("seams", &seams)
            coder.rare("choice", &choice)
            coder.rare("key_value_bytes_per_token_dense", &cacheBytesDense)
            coder.rare("key_value_bytes_per_token_pruned", &cacheBytesPruned)
        }
    }

    /// Where blocks that follow each other went.
    package struct Seam: ReportPart, Hashable {
        package private(set) var first = 0
        package private(set) var count = 0
        /// The mean over tokens of the squared distance to the dense stream behind the blocks, as
        /// a share of that stream's square: without anything in their place, and with the map.
        package private(set) var errorBefore: Double?
        package private(set) var errorAfter: Double?
        /// Why no map is there although there was to be one.
        package private(set) var reason: String?

        package init() {}

        package init(
            first: Int, count: Int, errorBefore: Double? = nil, errorAfter: Double? = nil,
            reason: String? = nil
        ) {
            self.first = first
            self.count = count
            self.errorBefore = errorBefore
            self.errorAfter = errorAfter
            self.reason = reason
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("first", &first)
            coder.required("count", &count)
            coder.rare("error_before", &errorBefore)
            coder.rare("error_after", &errorAfter)
            coder.rare("reason", &reason)
        }
    }

    /// How blocks were chosen.
    package struct Choice: ReportPart, Hashable {
        /// `map`, `error` or `cosine`.
        package private(set) var by = ""
        /// Windows that judged, which no map was fitted on.
        package private(set) var windows = 0
        package private(set) var candidates: [Candidate] = []

        package init() {}

        package init(by: String, windows: Int, candidates: [Candidate]) {
            self.by = by
            self.windows = windows
            self.candidates = candidates
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("by", &by)
            coder.required("windows", &windows)
            coder.required("candidates", &candidates)
        }

        /// The one that lost least, the first of several; nil where there is none.
        package var best: Candidate? { candidates.min { $0.score < $1.score } }
    }

    /// A run of blocks that might have gone.
    package struct Candidate: ReportPart, Hashable {
        package private(set) var first = 0
        package private(set) var count = 0
        package private(set) var score = 0.0

        package init() {}

        package init(first: Int, count: Int, score: Double) {
            self.first = first
            self.count = count
            self.score = score
        }

        package mutating func code(_ coder: inout NodeCoder) {
            coder.required("first", &first)
            coder.required("count", &count)
            coder.required("score", &score)
        }
    }
}
