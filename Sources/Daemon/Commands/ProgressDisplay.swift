import Glibc
import Pipeline
import Posix
import Spool
import Synchronization

/// How far a job in the foreground is, on standard error: a bar that moves on a terminal, else a
/// line at the end of each block.
final class ProgressDisplay: Sendable {
    /// Seconds between two drawings.
    private static let interval = 0.1
    /// Columns of the bar itself.
    private static let barWidth = 24

    private struct State {
        var last: Progress?
        var drawn = 0.0
        var isDirty = false
    }

    private let state = Mutex(State())
    private let isTerminal: Bool
    private let hasColor: Bool

    init() {
        let term = getenv("TERM").map { String(cString: $0) } ?? "dumb"
        isTerminal = isatty(Diagnostics.descriptor) == 1 && term != "dumb" && term != ""
        let noColor = getenv("NO_COLOR").map { String(cString: $0) } ?? ""
        hasColor = isTerminal && noColor.isEmpty
    }

    func show(_ progress: Progress) {
        state.withLock { state in
            let isNew = progress.isNewStep(after: state.last)
            state.last = progress
            if isTerminal {
                let now = Clock.boot()
                guard isNew || now - state.drawn >= Self.interval else { return }
                state.drawn = now
                state.isDirty = true
                draw(progress)
            } else if isNew {
                Terminal.say(progress.summary + Self.rate(progress))
            }
        }
    }

    /// Writes a line of its own.
    func say(_ text: String) {
        state.withLock { state in
            Terminal.say(escaped(text, limit: 4096), over: state.isDirty)
            state.isDirty = false
        }
    }

    /// Takes the bar away, for what comes next.
    func clear() {
        state.withLock { state in
            if state.isDirty { Terminal.erase() }
            state.isDirty = false
        }
    }

    private func draw(_ progress: Progress) {
        let text = progress.summary + Self.rate(progress)
        // A line that wraps cannot be drawn over.
        let room = Self.width - Self.barWidth - 4
        if room < 10 {
            return Terminal.draw(bar: nil, String(text.prefix(max(1, Self.width - 1))))
        }
        let filled = Int(Double(Self.barWidth) * min(max(progress.fraction, 0), 1))
        Terminal.draw(
            bar: (filled, Self.barWidth, hasColor), String(text.prefix(room)))
    }

    private static func rate(_ progress: Progress) -> String {
        progress.tokensPerSecond.map { ", \(decimal($0, 0)) tokens/s" } ?? ""
    }

    /// Columns of the terminal.
    static var width: Int {
        var size = winsize()
        guard ioctl(Diagnostics.descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else {
            return 80
        }
        return Int(size.ws_col)
    }
}
