/// How a sweep goes on where an earlier one was interrupted, and leaves what a later one needs for
/// that.
struct SweepContinuation: Sendable {
    /// Where it begins; blocks before it are done, for every output.
    let firstBlock: Int
    /// Gives the states the values that they had before `firstBlock`; not called where that is 0.
    let restore: @Sendable ([HiddenStates]) throws -> Void
    /// Called when everything before `block` is done, with all hidden states that the rest of the
    /// sweep needs, in the order in which it changes them. It may go on reading them after it has
    /// returned: between `beginReading` and `endReading` they stay.
    let keep: @Sendable (_ block: Int, _ states: [HiddenStates]) throws -> Void
}
