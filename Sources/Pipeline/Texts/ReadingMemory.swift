import Posix
import Tokenizer

/// What reading texts takes, and what it may: while it is done nothing else of the job is in
/// memory.
struct ReadingMemory: Sendable {
    /// `limits.memory`, in bytes.
    let limit: Int
    /// At most so far, in bytes; 0: no text was read.
    private(set) var bytes = 0
    private var tokenizer = 0

    init(limit: Int) { self.limit = limit }

    /// What is no larger is read whatever the limit is: the plan, which alone knows what the whole
    /// job takes, then tells of that.
    private static let small = 16 << 20

    /// What a tokenizer may take while it is read.
    var forTokenizer: Int { max(Self.small, limit - MemoryPlan.program) }

    /// Bytes of tokens that are kept of a text; a longer one is read twice.
    var keptBytes: Int { min(max(limit / 16, 1 << 20), 256 << 20) }

    /// Words that an encoder remembers, and the pieces that it works on.
    private static let encoder = 32 << 20

    mutating func add(_ loaded: Tokenizer) {
        tokenizer = loaded.residentBytes
        bytes = max(bytes, MemoryPlan.program + loaded.loadingBytes)
    }

    /// The most bytes that a document which is held as a whole may have.
    func documentLimit(_ loaded: Tokenizer) -> Int {
        let rest = limit - MemoryPlan.program - loaded.residentBytes - Self.encoder - keptBytes
        return min(max(rest / loaded.bytesPerTextByte, 1 << 18), Int(Int32.max) - 1)
    }

    /// - Parameters:
    ///   - tokens: of the whole text.
    ///   - document: bytes of the largest document that was held.
    mutating func add(_ loaded: Tokenizer, tokens: Int, document: Int) {
        // A text of few tokens has few words.
        let encoder = tokens < Self.encoder / 256 ? 256 * tokens : Self.encoder
        let kept = tokens < keptBytes / 4 ? 4 * tokens : keptBytes
        bytes = max(
            bytes,
            MemoryPlan.program + loaded.residentBytes + encoder + kept
                + loaded.bytesPerTextByte * document)
    }

    /// Checks that something fits beside program and tokenizer.
    func check(_ more: Int, place: String) throws(PlanError) {
        let (needed, overflow) = more.addingReportingOverflow(MemoryPlan.program + tokenizer)
        if overflow || needed > limit && more > Self.small {
            throw PlanError(
                place: place, reason: .memory(needed: overflow ? .max : needed, allowed: limit))
        }
    }
}
