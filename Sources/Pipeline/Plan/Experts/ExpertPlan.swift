import Pruning
import Transformer

/// How many experts of each mixture stay, and how they are judged.
struct ExpertPlan: Sendable, Hashable {
    let score: ExpertScore
    /// Of the dense model.
    let experts: Int
    let kept: Int
    /// Groups of experts, of which each keeps as many; 1 where there are none.
    let groups: Int

    /// The experts of a group.
    func members(of group: Int) -> Range<Int> {
        let size = experts / groups
        return (group * size)..<((group + 1) * size)
    }

    /// The experts with the largest scores of each group, ascending. Of equal ones the first stay.
    func largest(_ scores: [Double]) -> [Int] {
        (0..<groups).flatMap { group in
            members(of: group).sorted { (scores[$1], $0) < (scores[$0], $1) }
                .prefix(kept / groups)
        }.sorted()
    }
}
