/// Which of a model's blocks go.
package struct BlockCut: Sendable, Hashable {
    /// Blocks that follow each other and go together.
    package struct Run: Sendable, Hashable {
        package let first: Int
        package let count: Int

        package init(first: Int, count: Int) {
            self.first = first
            self.count = count
        }

        package var blocks: Range<Int> { first..<(first + count) }
        /// The block before it, which stays; nil where it begins the model.
        package var seam: Int? { first == 0 ? nil : first - 1 }
    }

    /// Ascending, with a block that stays between each two.
    package let runs: [Run]
    /// Of the whole model.
    private let blocks: Int

    /// - Parameters:
    ///   - removed: in any order, each once.
    ///   - blocks: of the whole model.
    package init(_ removed: some Collection<Int>, of blocks: Int) {
        self.blocks = blocks
        runs = removed.sorted().reduce(into: []) { runs, block in
            if let last = runs.last, last.blocks.upperBound == block {
                runs[runs.count - 1] = Run(first: last.first, count: last.count + 1)
            } else {
                runs.append(Run(first: block, count: 1))
            }
        }
    }

    /// Ascending.
    package var removed: [Int] { runs.flatMap(\.blocks) }

    /// Ascending, by their numbers in the whole model.
    package var kept: [Int] { (0..<blocks).filter { !removes($0) } }

    package func removes(_ block: Int) -> Bool { runs.contains { $0.blocks.contains(block) } }

    /// The run that begins behind a block; nil where none does.
    package func run(behind block: Int) -> Run? { runs.first { $0.seam == block } }
}
