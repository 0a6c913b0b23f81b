import COniguruma
import Synchronization

/// A pattern for Oniguruma, the engine that the tokenizers library itself uses, so that syntax,
/// case folding and the choice between alternatives are the same. What strangers write is matched,
/// too: neither compiling nor matching takes more than a bounded number of steps.
///
/// The library bundles Oniguruma 6.9.10, of Unicode 16.0. `UnicodeProperties` makes an older system
/// library take the same characters for letters and numbers.
package final class RegularExpression: @unchecked Sendable {
    // Unchecked: a compiled pattern is only read, and searching keeps its state in the region.
    private let compiled: OnigRegex

    package enum Dialect: Sendable {
        /// As the tokenizers library has it.
        case oniguruma
        /// As Perl has it, and nearly all others.
        case perl
    }

    /// Steps back that the attempt to match at one place may take; Oniguruma's own limit.
    package static let steps = 10_000_000

    /// Places to go back to that are kept at once, at some 50 bytes.
    private static let stack: UInt32 = 1 << 20

    private static let initialised: Void = {
        var encodings = [stade_onig_utf8()]
        onig_initialize(&encodings, 1)
        onig_set_capture_num_limit(1000)
        // The parser calls itself, and a thread's stack may be small.
        onig_set_parse_depth_limit(200)
        // A group that is called by its name steps back nowhere, and so needs a limit of its own.
        onig_set_subexp_call_limit_in_search(100_000)
    }()

    /// Defining properties changes what compiling reads.
    private static let compiling = Mutex(())

    /// - Parameters:
    ///   - bytes: how long the pattern may be.
    ///   - parts: how many parts it may have once its counted repetitions are written out.
    package init(
        _ pattern: String, _ dialect: Dialect = .oniguruma, bytes: Int = 16 << 10,
        parts: Int = 100_000
    ) throws(ExpressionError) {
        _ = Self.initialised
        let text = Array(pattern.utf8)
        if text.count > bytes {
            throw ExpressionError("it has \(text.count) bytes, more than \(bytes)")
        }
        if Repetitions.parts(of: text) > parts {
            throw ExpressionError(
                "its repetitions come to more than \(parts) parts; repeat less within each other")
        }
        var regex: OnigRegex?
        var info = OnigErrorInfo()
        let code = Self.compiling.withLock { _ in
            let written = dialect == .oniguruma ? UnicodeProperties.written(text) : text
            return written.withUnsafeBufferPointer { bytes in
                onig_new(
                    &regex, bytes.baseAddress, bytes.baseAddress.map { $0 + bytes.count },
                    OnigOptionType(ONIG_OPTION_NONE), stade_onig_utf8(),
                    dialect == .perl ? stade_onig_perl_syntax() : stade_onig_syntax(), &info)
            }
        }
        guard code == ONIG_NORMAL, let regex else {
            throw ExpressionError(Self.message(code, &info))
        }
        compiled = regex
    }

    deinit { onig_free(compiled) }

    /// The first match that begins at `start` or after it; nil if there is none.
    /// - Parameter steps: back that the whole search may take; nil: `Self.steps`, and some for each
    ///   byte.
    /// - Throws: where it would take more.
    package func match(
        in text: Span<UInt8>, from start: Int, steps: Int? = nil
    ) throws(ExpressionError) -> Range<Int>? {
        guard let region = onig_region_new(), let limits = onig_new_match_param() else {
            throw ExpressionError("out of memory")
        }
        defer {
            onig_region_free(region, 1)
            onig_free_match_param(limits)
        }
        onig_set_match_stack_limit_size_of_match_param(limits, Self.stack)
        onig_set_retry_limit_in_match_of_match_param(limits, UInt(steps ?? Self.steps))
        onig_set_retry_limit_in_search_of_match_param(
            limits, UInt(steps ?? Self.steps + 32 * (text.count - start)))
        let code = text.withUnsafeBufferPointer { text -> CInt in
            guard let base = text.baseAddress else { return CInt(ONIG_MISMATCH) }
            let end = base + text.count
            return onig_search_with_param(
                compiled, base, end, base + start, end, region, OnigOptionType(ONIG_OPTION_NONE),
                limits)
        }
        if code == ONIG_MISMATCH { return nil }
        guard code >= 0 else { throw ExpressionError(Self.message(code, nil)) }
        return Int(region.pointee.beg[0])..<Int(region.pointee.end[0])
    }

    private static func message(_ code: CInt, _ info: UnsafeMutablePointer<OnigErrorInfo>?)
        -> String
    {
        var text = [UInt8](repeating: 0, count: Int(ONIG_MAX_ERROR_MESSAGE_LEN))
        let count = stade_onig_error(&text, code, info)
        return String(decoding: text.prefix(max(0, Int(count))), as: UTF8.self)
    }
}
