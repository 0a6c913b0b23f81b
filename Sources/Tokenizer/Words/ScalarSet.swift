/// Characters that a pre-tokeniser cuts at, each a match of its own.
enum ScalarSet: Sendable, Hashable {
    /// Rust's `char::is_whitespace`.
    case space
    /// Of ASCII, and of Unicode 8.0 as in the crate `unicode_categories`.
    case punctuation

    func contains(_ value: UInt32) -> Bool {
        switch self {
        case .space: ScalarClasses.shared.of(value) & ScalarClasses.space != 0
        case .punctuation: ScalarClasses.shared.of(value) & ScalarClasses.punctuation != 0
        }
    }
}
