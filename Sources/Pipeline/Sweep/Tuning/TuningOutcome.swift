/// What tuning a block has reached: the mean loss of the windows that were held out.
package struct TuningOutcome: Sendable, Hashable {
    /// As the block was pruned.
    package let before: Double
    /// As it is written; never more.
    package let after: Double
    /// After how many passes it was best; 0: the block is as it was pruned.
    package let passes: Int
}
