import Daemon
import Documents
import Glibc
import Posix

/// All of a run: its parts one after the other, then what became of the last run's figures.
struct Bench {
    private let settings: Settings

    init(_ settings: Settings) { self.settings = settings }

    /// - Returns: what the process is to tell its caller.
    func run() throws -> CInt {
        // The parts, which share the terminal, end at an interrupt; this one then cleans up.
        signal(SIGINT, SIG_IGN)
        let scratch = try makeScratch()
        defer { try? removeTree(scratch) }
        show(
            "\(Machine.processor), \(availableProcessors) processors, "
                + "\(size(Machine.memory)) of memory\n\(Figure.heading)")
        let before = Machine.ticks
        let parts = settings.parts.filter { $0 != .ceiling }
        for part in [.ceiling] + parts {
            let program = ChildProgram(
                executable: "/proc/self/exe", arguments: [part.rawValue, scratch], log: nil)
            do {
                _ = try program.run()
            } catch let error as ProgramError {
                // The part has said why, unless it was interrupted.
                return error.status
            }
        }
        let figures = try FigureFile.read(FigureFile.path(in: scratch))
        let last = try FigureFile.read(settings.output)
        let after = Machine.ticks
        let stolen = Double(after.stolen - before.stolen) / Double(max(1, after.all - before.all))
        if stolen > 0.01 {
            show("\nThe host took \(decimal(stolen * 100, 0)) % of the processors' time away.")
        }
        summarize(figures, last)
        // What was not measured this time is kept for the next.
        try keep(figures + last.filter { old in !figures.contains { $0.isSame(as: old) } })
        return 0
    }

    /// What changed, and what cannot be relied on.
    private func summarize(_ figures: [Figure], _ last: [Figure]) {
        let noisy = figures.count(where: \.isNoisy)
        if noisy > 0 {
            show("\n\(noisy) of \(figures.count) figures are NOISY: median over 20 % off the best.")
        }
        if last.isEmpty { return show("\nNo last run to compare with.") }
        let changes = figures.compactMap { figure in
            last.first { $0.isSame(as: figure) }.map { (figure, $0) }
        }
        show("\nOf \(changes.count) figures in both runs, changed by more than 10 %:")
        let large = changes.filter { $0.isChanged(since: $1) }
        for (figure, last) in large { show(figure.line(last: last)) }
        if large.isEmpty { show("  none") }
    }

    /// Leaves the figures for the next run, and the last run's beside them.
    private func keep(_ figures: [Figure]) throws {
        let output = settings.output
        let directory = output.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        try makeDirectories(directory.joined(separator: "/"))
        if rename(output, "\(output).last") != 0 && errno != ENOENT {
            throw SystemError("rename", output)
        }
        try FigureFile.write(figures, settings, to: output)
        show("\nFigures: \(output)")
    }

    private func makeDirectories(_ path: String) throws {
        var made = path.hasPrefix("/") ? "" : "."
        for name in path.split(separator: "/") {
            made += "/\(name)"
            if mkdir(made, 0o755) != 0 && errno != EEXIST { throw SystemError("mkdir", made) }
        }
    }

    private func makeScratch() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/stade-bench.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw SystemError("mkdtemp", parent) }
        return String(cString: made)
    }
}
