import Glibc
import Posix

/// The whole run: draws a target, spoils its file, starts a program on it, and looks at how that
/// ends.
struct Fuzz {
    private let settings: Settings
    private let box: Box

    init(_ settings: Settings) throws {
        self.settings = settings
        box = try Box(settings)
    }

    /// - Returns: the status to exit with.
    func run() throws -> CInt {
        defer { box.remove() }
        let targets = try box.targets().filter { $0.name.hasPrefix(settings.only) }
        let drawn = targets.flatMap { [Target](repeating: $0, count: $0.weight) }
        guard !drawn.isEmpty else { throw FuzzError(text: "no target is called \(settings.only)") }
        say("seed \(settings.seed), \(targets.count) targets, \(Int(settings.seconds)) s")
        var tally: [String: (cases: Int, accepted: Int, failures: Int)] = [:]
        var number = settings.onlyCase ?? 0
        let end = box.now + settings.seconds
        while settings.onlyCase.map({ number == $0 }) ?? (box.now < end) {
            var mutator = Mutator(seed: settings.seed, number: number)
            let target = mutator.any(drawn)
            let changed = mutator.mutate(target.seeds, as: target.form)
            let bytes = target.wrap?(changed) ?? changed
            let words = mutator.any(target.commands)
            let (end, faults) = try box.try(target, bytes, words)
            var line = tally[target.name, default: (0, 0, 0)]
            line.cases += 1
            if end.status == 0 { line.accepted += 1 }
            if !faults.isEmpty {
                line.failures += 1
                let kept = "\(settings.keep)/\(settings.seed)-\(number)-\(target.name)"
                _ = mkdir(settings.keep, 0o755)
                try writeFile(kept, bytes)
                say(
                    "FAILED  case \(number), \(escaped(target.file)): "
                        + "\(faults.joined(separator: "; "))\n        "
                        + "\(words.joined(separator: " "))\n        input: \(kept)")
                for said in end.said.split(separator: 0x0a).suffix(5) {
                    say("        " + escaped(String(decoding: said, as: UTF8.self), limit: 300))
                }
            } else if settings.onlyCase != nil {
                say(String(decoding: end.said, as: UTF8.self))
            }
            tally[target.name] = line
            number += 1
        }
        for (name, line) in tally.sorted(by: { $0.key < $1.key }) {
            let padded = name + String(repeating: " ", count: max(1, 16 - name.utf8.count))
            say(
                "\(padded)\(line.cases) cases, \(line.accepted) still valid, \(line.failures) "
                    + "failed"
            )
        }
        let failures = tally.values.reduce(0) { $0 + $1.failures }
        let cases = tally.values.reduce(0) { $0 + $1.cases }
        say(
            failures == 0
                ? "fuzz: \(cases) cases, each ended as documented; seed \(settings.seed)"
                : "fuzz: \(failures) of \(cases) cases failed; SEED=\(settings.seed) CASE=n tries "
                    + "one again"
        )
        return failures == 0 ? 0 : 1
    }
}

func say(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(STDOUT_FILENO, bytes, bytes.count)
}

struct FuzzError: Failure {
    let text: String
    var exitCode: ExitCode { .software }
    var description: String { text }
}
