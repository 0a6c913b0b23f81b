import Documents
import Posix

/// The figures of one run, shown as they come. Each part of a run reads what the parts before it
/// left in `scratch`, and adds to it.
final class Run {
    let part: Part
    let settings: Settings
    let scratch: String
    private(set) var figures: [Figure]
    /// Of the last run.
    private let last: [Figure]

    init(of part: Part, _ settings: Settings, scratch: String) throws {
        self.part = part
        self.settings = settings
        self.scratch = scratch
        figures = try FigureFile.read(FigureFile.path(in: scratch))
        last = try FigureFile.read(settings.output)
    }

    func save() throws {
        try FigureFile.write(figures, settings, to: FigureFile.path(in: scratch))
    }

    /// Adds a figure and shows it.
    ///
    /// - Parameter ceiling: what the value is to be compared with.
    func record(
        _ name: String, _ conditions: String, threads: Int, _ value: Double, _ unit: Figure.Unit,
        spread: Double? = nil, ceiling: Ceiling? = nil, note: String? = nil
    ) {
        var figure = Figure(
            part: part.rawValue, name: name, conditions: conditions, threads: threads,
            value: value, unit: unit, spread: spread, note: note, time: Machine.time)
        if let ceiling, let rate = rate(of: ceiling, threads: threads) {
            // A weight is four bytes that must be read.
            figure.share = (unit == .weights ? 4 * value : value) / rate
            figure.ceiling = ceiling.rawValue
        }
        figures.append(figure)
        show(figure.line(last: last.first { $0.isSame(as: figure) }))
    }

    /// The best that was measured for a ceiling; nil where it was not measured.
    func rate(of ceiling: Ceiling, threads: Int) -> Double? {
        figures.filter {
            $0.part == Part.ceiling.rawValue && $0.name == ceiling.rawValue && $0.threads == threads
        }.map(\.value).max()
    }
}
