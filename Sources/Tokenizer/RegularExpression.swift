import COniguruma
import Documents

/// A pattern for Oniguruma, the engine that the tokenizers library itself uses, so that syntax, case
/// folding and the choice between alternatives are the same.
///
/// The library bundles Oniguruma 6.9.10 (Unicode 16.0). An older system library knows fewer scalars:
/// those assigned since its Unicode version are neither letters nor numbers to it.
final class RegularExpression: @unchecked Sendable {
    // Unchecked: a compiled pattern is only read, and searching keeps its state in the region.
    private let compiled: OnigRegex
    private let field: Field

    private static let initialised: Void = {
        var encodings = [stade_onig_utf8()]
        onig_initialize(&encodings, 1)
    }()

    /// - Parameter field: where the pattern stands, for errors.
    init(_ pattern: String, at field: Field) throws(DocumentError) {
        _ = Self.initialised
        var regex: OnigRegex?
        var info = OnigErrorInfo()
        let bytes = Array(pattern.utf8)
        let code = bytes.withUnsafeBufferPointer { bytes in
            onig_new(
                &regex, bytes.baseAddress, bytes.baseAddress.map { $0 + bytes.count },
                OnigOptionType(ONIG_OPTION_NONE), stade_onig_utf8(), stade_onig_syntax(), &info)
        }
        guard code == ONIG_NORMAL, let regex else {
            throw field.error("not a valid pattern: \(Self.message(code, &info))")
        }
        compiled = regex
        self.field = field
    }

    deinit { onig_free(compiled) }

    /// The first match that begins at `start` or after it; nil if there is none.
    func match(in text: Span<UInt8>, from start: Int) throws(DocumentError) -> Range<Int>? {
        guard let region = onig_region_new() else { throw field.error("out of memory") }
        defer { onig_region_free(region, 1) }
        let code = text.withUnsafeBufferPointer { text -> CInt in
            guard let base = text.baseAddress else { return CInt(ONIG_MISMATCH) }
            let end = base + text.count
            return onig_search(
                compiled, base, end, base + start, end, region, OnigOptionType(ONIG_OPTION_NONE))
        }
        if code == ONIG_MISMATCH { return nil }
        guard code >= 0 else {
            throw field.error("cannot match this text: \(Self.message(code, nil))")
        }
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
