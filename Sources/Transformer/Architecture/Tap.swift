/// An input inside a block that several layers share.
package struct Tap: Sendable, Hashable, Comparable {
    package let stage: Stage
    /// Of a mixture, whose input are the tokens that are routed to it; nil: no expert's.
    package let expert: Int?

    package init(_ stage: Stage, expert: Int? = nil) {
        self.stage = stage
        self.expert = expert
    }

    /// In the order of the forward pass.
    package static func < (left: Tap, right: Tap) -> Bool {
        (left.stage, left.expert ?? -1) < (right.stage, right.expert ?? -1)
    }
}
