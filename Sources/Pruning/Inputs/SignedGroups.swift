import Tensors

/// Which calibration tokens are summed to a row of an `InputSketch`, and with which signs:
/// neighbours within a window, 1 to 256 of them, as few as make at most 128 groups. Where those are
/// still too many, some are left out.
package struct SignedGroups: Sendable {
    /// How many tokens a group has; the last one of a window may have fewer. A power of two.
    package let size: Int
    /// How many tokens are in the groups, each as often as it counts.
    package let weight: Double
    /// Of each group's tokens, times their token weights, `[groups]`.
    package let signSums: [Double]
    /// What each token's input is multiplied with; nil: 1.
    private let tokenWeights: [Float]?
    private let length: Int
    private let perWindow: Int
    private let taken: SampleRows
    private static let signs = UniformScores(seed: 0, layer: "signs")

    /// Tokens of the longest group. Parts of a window that are added begin at a multiple of it.
    package static let longest = 256
    /// Products with so many rows are less than a hundredth of those of a job with 16,384 tokens.
    package static let most = 128

    /// - Parameter tokenWeights: each token counts as often as the square of its weight says; nil:
    ///   once.
    package init(windows: Int, length: Int, tokenWeights: [Float]? = nil) {
        self.tokenWeights = tokenWeights
        func groups(_ size: Int) -> Int { (length + size - 1) / size }
        var size = 1
        while size < Self.longest, windows * groups(size) > Self.most { size *= 2 }
        self.size = size
        self.length = length
        perWindow = max(1, groups(size))
        taken = SampleRows(tokens: windows * groups(size), limit: Self.most, length: perWindow)
        var weight = 0.0
        var sums: [Double] = []
        for (group, _) in taken.rows(from: 0, length: taken.tokens) {
            let (window, place) = group.quotientAndRemainder(dividingBy: perWindow)
            let positions = (place * size)..<min((place + 1) * size, length)
            func tokenWeight(_ position: Int) -> Double {
                tokenWeights.map { Double($0[window * length + position]) } ?? 1
            }
            weight += positions.reduce(0) { $0 + tokenWeight($1) * tokenWeight($1) }
            sums.append(
                positions.reduce(0) {
                    $0 + tokenWeight($1) * Double(Self.sign(window * length + $1))
                })
        }
        self.weight = weight
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
            let signs = rows.map { row in
                let token = window * length + first + row
                return Float(Self.sign(token)) * (tokenWeights?[token] ?? 1)
            }
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
