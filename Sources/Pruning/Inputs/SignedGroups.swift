import Tensors

/// Which calibration tokens are summed to a row of an `InputSketch`, and with which signs:
/// neighbours within a window, 1 to 256 of them, as few as make at most 128 groups. Where those are
/// still too many, some are left out.
package struct SignedGroups: Sendable {
    /// How many tokens a group has; the last one of a window may have fewer. A power of two.
    package let size: Int
    /// How many tokens are in the groups.
    package let tokens: Int
    /// Of each group's tokens, `[groups]`.
    package let signSums: [Int]
    private let length: Int
    private let perWindow: Int
    private let taken: SampleRows
    private static let signs = UniformScores(seed: 0, layer: "signs")

    /// Tokens of the longest group. Parts of a window that are added begin at a multiple of it.
    package static let longest = 256
    /// Products with so many rows are less than a hundredth of those of a job with 16,384 tokens.
    private static let most = 128

    package init(windows: Int, length: Int) {
        func groups(_ size: Int) -> Int { (length + size - 1) / size }
        var size = 1
        while size < Self.longest, windows * groups(size) > Self.most { size *= 2 }
        self.size = size
        self.length = length
        perWindow = max(1, groups(size))
        taken = SampleRows(tokens: windows * groups(size), limit: Self.most, length: perWindow)
        var tokens = 0
        var sums: [Int] = []
        for (group, _) in taken.rows(from: 0, length: taken.tokens) {
            let (window, place) = group.quotientAndRemainder(dividingBy: perWindow)
            let positions = (place * size)..<min((place + 1) * size, length)
            tokens += positions.count
            sums.append(positions.reduce(0) { $0 + Self.sign(window * length + $1) })
        }
        self.tokens = tokens
        signSums = sums
    }

    /// How many groups there are.
    package var count: Int { taken.count }

    /// Adds inputs of a window, `[tokens, features]`, from position `first` on, to the groups'
    /// sums, `[groups, features]`. No other thread adds to the same groups.
    package func add(_ input: MatrixView, window: Int, first: Int, to sums: Matrix) {
        precondition(first % Self.longest == 0, "parts begin where groups do")
        let group = window * perWindow + first / size
        for (offset, row) in taken.rows(from: group, length: (input.rows + size - 1) / size) {
            let start = offset * size
            let rows = start..<min(start + size, input.rows)
            let signs = rows.map { Float(Self.sign(window * length + first + $0)) }
            addRows(
                input.part(rows: rows, columns: 0..<input.columns), times: signs,
                to: sums.view, row: row)
        }
    }

    /// 1 or -1.
    private static func sign(_ token: Int) -> Int {
        signs.score(row: token, column: 0) < 0.5 ? -1 : 1
    }
}
