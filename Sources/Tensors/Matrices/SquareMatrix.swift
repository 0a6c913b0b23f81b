/// A symmetric or triangular matrix in double precision, `[order, order]`, row by row; zeros at
/// first.
///
/// Unchecked: threads may write it at the same time as long as no two of them touch the same
/// element.
package final class SquareMatrix: @unchecked Sendable {
    package let order: Int
    package let start: UnsafeMutablePointer<Double>
    private let storage: Matrix

    package init(order: Int) {
        self.order = order
        // Twice as many elements of half the size.
        storage = Matrix(rows: order, columns: 2 * order)
        start = UnsafeMutableRawPointer(storage.start)
            .bindMemory(to: Double.self, capacity: order * order)
    }

    package func row(_ index: Int) -> UnsafeMutablePointer<Double> { start + index * order }

    package var diagonal: [Double] { (0..<order).map { start[$0 * (order + 1)] } }

    /// Copies what is above the diagonal below it.
    func mirror() {
        // Square by square, for the cache's sake.
        let size = 64
        for top in stride(from: 0, to: order, by: size) {
            for left in stride(from: top, to: order, by: size) {
                for i in top..<min(top + size, order) {
                    for j in max(left, i + 1)..<max(i + 1, min(left + size, order)) {
                        start[j * order + i] = start[i * order + j]
                    }
                }
            }
        }
    }
}
