/// Why a pattern cannot be used, or not on this text; whoever has it says where it stands.
package struct ExpressionError: Error, Sendable, Hashable {
    package let reason: String

    init(_ reason: String) { self.reason = reason }
}
