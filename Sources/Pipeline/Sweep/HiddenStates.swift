import Dispatch
import Glibc
import Posix
import Synchronization
import Tensors

/// The hidden states of every window between two blocks, `[windows * length, hidden_size]`.
package final class HiddenStates: Sendable {
    package let windows: TokenWindows
    package let matrix: Matrix
    /// Who copies them meanwhile.
    private let readers = DispatchGroup()
    private let waited = Mutex<Double>(0)

    /// - Parameter scratchDirectory: keeps them in an unlinked file there instead of in memory.
    package init(windows: TokenWindows, width: Int, scratchDirectory: Directory?) throws {
        self.windows = windows
        let rows = windows.tokens.count
        if let scratchDirectory {
            // Nobody else makes files there.
            unlinkat(scratchDirectory.descriptor, Layout.Partial.scratch, 0)
            let file = try scratchDirectory.create(Layout.Partial.scratch)
            unlinkat(scratchDirectory.descriptor, Layout.Partial.scratch, 0)
            guard
                let matrix = Matrix(rows: rows, columns: width, scratchFile: file.descriptor)
            else {
                throw SystemError("make a scratch file", scratchDirectory.path, errno: ENOSPC)
            }
            self.matrix = matrix
        } else {
            matrix = Matrix(rows: rows, columns: width)
        }
    }

    /// To be called when window `index` is not needed for now: it leaves memory where there is a
    /// scratch file.
    package func release(_ index: Int) {
        matrix.release((index * windows.length)..<((index + 1) * windows.length))
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
