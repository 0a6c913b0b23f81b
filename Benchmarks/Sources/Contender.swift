import Reports
import Tensors

/// A whole process that runs several times, in turns with others: what else the machine does then
/// slows all alike.
final class Contender {
    let name: String
    private let run: () throws -> Outcome
    private(set) var timing = Timing()
    /// Bytes, of the run that took most.
    private(set) var peakMemory = 0
    /// What the fastest run reported; nil where the program writes no report.
    private(set) var resources: ReportDocument.Resources?

    struct Outcome {
        let end: ChildProgram.End
        let resources: ReportDocument.Resources?
    }

    init(_ name: String, _ run: @escaping () throws -> Outcome) {
        self.name = name
        self.run = run
    }

    /// Runs each `rounds` times.
    static func takeTurns(_ contenders: [Contender], rounds: Int) throws {
        for _ in 0..<rounds {
            for contender in contenders { try contender.takeTurn() }
        }
    }

    private func takeTurn() throws {
        let outcome = try run()
        timing.add(outcome.end.seconds)
        peakMemory = max(peakMemory, outcome.end.peakMemory)
        if outcome.end.seconds == timing.best { resources = outcome.resources }
    }

    /// The arithmetic of the model's passes, per second of the whole process.
    var flopsPerSecond: Double? { resources?.modelFlops.map { $0 / timing.best } }

    /// The ceiling of the precision that the job chose.
    var ceiling: Ceiling? {
        resources?.precision.flatMap { Precision(rawValue: $0) }
            .map { Ceiling($0.input) }
    }
}
