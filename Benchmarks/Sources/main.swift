import Glibc
import Posix

// `stade-bench` measures all that the settings ask for; `stade-bench PART DIR` one part, in a
// process of its own: what a process held once counts as the peak memory of those that it starts.
do {
    let settings = try Settings()
    let arguments = CommandLine.arguments.dropFirst()
    if let part = arguments.first.flatMap({ Part(rawValue: $0) }), arguments.count == 2 {
        try part.measure(settings, scratch: arguments[2])
    } else {
        exit(try Bench(settings).run())
    }
} catch {
    let failure = error as? any Failure
    complain("stade-bench: \(failure?.description ?? String(describing: error))")
    exit((failure?.exitCode ?? .software).rawValue)
}
