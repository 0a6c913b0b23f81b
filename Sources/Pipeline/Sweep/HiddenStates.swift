import Dispatch
import Glibc
import Posix
import Synchronization
import Tensors

/// The hidden states of every window between two blocks, `[windows * length, hidden_size]`.
package final class HiddenStates: Sendable {
    package let windows: TokenWindows
    package let matrix: Matrix
    /// Keys and values that blocks leave for later ones, a row for each of `matrix`; nil where the
    /// model keeps none.
    let kept: Matrix?
    /// Who copies them meanwhile.
    private let readers = DispatchGroup()
    private let waited = Mutex<Double>(0)

    /// - Parameters:
    ///   - width: of a row, and of what is kept beside it.
    ///   - scratchDirectory: keeps them in unlinked files there instead of in memory.
    package init(
        windows: TokenWindows, width: Int, keptWidth: Int = 0, scratchDirectory: Directory?
    ) throws {
        self.windows = windows
        let rows = windows.tokens.count
        matrix = try Self.matrix(rows, width, scratchDirectory)
        kept = keptWidth == 0 ? nil : try Self.matrix(rows, keptWidth, scratchDirectory)
    }

    /// Zeros in memory, or in an unlinked file in a directory.
    static func matrix(
        _ rows: Int, _ columns: Int, _ scratchDirectory: Directory?
    ) throws -> Matrix {
        guard let scratchDirectory else { return Matrix(rows: rows, columns: columns) }
        // Nobody else makes files there.
        unlinkat(scratchDirectory.descriptor, Layout.Partial.scratch, 0)
        let file = try scratchDirectory.create(Layout.Partial.scratch)
        unlinkat(scratchDirectory.descriptor, Layout.Partial.scratch, 0)
        guard let matrix = Matrix(rows: rows, columns: columns, scratchFile: file.descriptor)
        else { throw SystemError("make a scratch file", scratchDirectory.path, errno: ENOSPC) }
        return matrix
    }

    /// To be called when window `index` is not needed for now: it leaves memory where there is a
    /// scratch file.
    package func release(_ index: Int) {
        for matrix in [matrix, kept] {
            matrix?.release((index * windows.length)..<((index + 1) * windows.length))
        }
    }

    /// The states of window `index`, `[length, hidden_size]`. Windows may be used from several
    /// threads, each by one at a time.
    package subscript(index: Int) -> MatrixView {
        matrix.rows((index * windows.length)..<((index + 1) * windows.length))
    }

    /// Asks that they stay as they are until `endReading`.
    func beginReading() { readers.enter() }

    func endReading() { readers.leave() }

    /// To be called before they are changed.
    func awaitReaders() {
        guard readers.wait(timeout: .now()) == .timedOut else { return }
        let start = ContinuousClock.now
        readers.wait()
        waited.withLock { $0 += (ContinuousClock.now - start) / .seconds(1) }
    }

    /// Seconds that `awaitReaders` took so far.
    var secondsWaited: Double { waited.withLock { $0 } }
}
