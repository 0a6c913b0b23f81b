import Glibc
import Posix

// `stade-fuzz` gives the built programs files that were valid once, and are not quite any more: see
// `Settings` for what it can be told, `Targets` for what is tried.
do {
    exit(try Fuzz(Settings()).run())
} catch {
    say("stade-fuzz: \((error as? any Failure)?.description ?? "\(error)")")
    exit(((error as? any Failure)?.exitCode ?? .software).rawValue)
}
