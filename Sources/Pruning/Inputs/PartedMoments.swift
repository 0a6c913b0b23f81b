import Tensors

/// How a calibration is cut into parts: units of whole windows and about 1024 tokens, in at most 16
/// equal parts.
package struct PartedMoments: Sendable {
    package private(set) var total: Moments
    private let partTokens: Int
    private let partLimit: Int
    private let units: Int
    /// The sums of each whole part, and of the one under way.
    private var sums: [[Double]] = []
    private var current: Moments

    private static let unit = 1024
    private static let most = 16
    private static let least = 4

    /// - Parameters:
    ///   - windows, length: of the calibration.
    package init(features: Int, windows: Int, length: Int) {
        total = Moments(features: features)
        current = total
        // As many windows as make a unit, and fewer where that would leave too few to compare.
        let perUnit = max(
            1, min((Self.unit + length / 2) / max(1, length), windows / Self.least))
        let all = windows / perUnit
        partLimit = min(Self.most, all)
        units = partLimit > 0 ? all / partLimit : 0
        partTokens = units * perUnit * length
    }

    /// Adds tokens that follow those before, none of which belong to two windows.
    package mutating func add(_ part: Moments) {
        total += part
        guard sums.count < partLimit else { return }
        current += part
        if current.count >= partTokens {
            sums.append(current.sum)
            current = Moments(features: total.sum.count)
        }
    }

    /// nil where there are fewer than two parts, which say nothing of what carries over.
    var parts: CalibrationParts? {
        guard sums.count > 1 else { return nil }
        let means = Matrix(rows: sums.count, columns: total.sum.count)
        for (row, sum) in sums.enumerated() {
            for j in sum.indices { means.view[row, j] = Float(sum[j] / Double(partTokens)) }
        }
        return CalibrationParts(means: means, tokens: partTokens, units: units)
    }
}
