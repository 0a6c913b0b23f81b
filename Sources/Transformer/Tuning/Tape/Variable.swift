import Tensors

/// What a block makes of each token at one place, `[tokens of a group, width]`, and the loss's
/// gradient by it.
///
/// Unchecked: threads write rows, or columns, of their own, and read only what was written in an
/// earlier loop; memory is allocated before the first.
final class Variable: @unchecked Sendable {
    let width: Int
    /// How many rows a token has: as many as experts serve it.
    private let rowsPerToken: Int
    /// Whether anything that is tuned has a part in it.
    let needsGradient: Bool
    /// Whether the values are kept; otherwise there is a gradient alone.
    private let hasValue: Bool
    private(set) var value: Matrix
    private(set) var gradient: Matrix
    /// Whose gradient is this one's, too.
    private var owner: Variable?

    init(width: Int, rowsPerToken: Int = 1, needsGradient: Bool, hasValue: Bool = true) {
        self.width = width
        self.rowsPerToken = rowsPerToken
        self.needsGradient = needsGradient
        self.hasValue = hasValue
        value = Matrix(rows: 0, columns: width)
        gradient = Matrix(rows: 0, columns: width)
    }

    /// Has one gradient with another variable: that of a sum with a factor of 1.
    func shareGradient(of other: Variable) {
        precondition(other.width == width && needsGradient, "gradients differ")
        owner = other
    }

    var sharesGradient: Bool { owner != nil }

    /// Elements of a token.
    var elements: Int {
        rowsPerToken * ((hasValue ? width : 0) + (needsGradient && owner == nil ? width : 0))
    }

    /// To be called in an order in which owners come first.
    func allocate(tokens: Int) {
        let rows = rowsPerToken * tokens
        if hasValue { value = Matrix(rows: rows, columns: width) }
        if let owner {
            gradient = owner.gradient
        } else if needsGradient {
            gradient = Matrix(rows: rows, columns: width)
        }
    }
}

/// An operation's reading of a variable.
///
/// Unchecked: it is changed before the first loop alone.
final class Use: @unchecked Sendable {
    let variable: Variable
    /// Whether the gradient that this reading makes is added to that of later readings, which are
    /// the first to be gone through backward.
    var accumulates: Bool

    init(_ variable: Variable, accumulates: Bool = false) {
        self.variable = variable
        self.accumulates = accumulates
    }

    func value(_ rows: Range<Int>) -> MatrixView { variable.value.rows(rows) }

    /// nil where none is wanted.
    func gradient(_ rows: Range<Int>) -> MatrixView? {
        variable.needsGradient ? variable.gradient.rows(rows) : nil
    }
}
