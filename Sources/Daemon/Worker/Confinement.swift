import Glibc
import Manifests
import Posix

/// What one job's worker may open, where the kernel can keep it to that.
///
/// The worker parses what strangers wrote. Should a mistake in a parser give them the process, they
/// still reach no other job, no other model and nobody's home.
struct Confinement {
    /// What the C library, oneDNN and the lookup of accounts read while they work.
    private static let system = ["/etc", "/proc", "/sys", "/dev/urandom", "/run/systemd/userdb"]
    private static let programs = ["/usr", "/lib", "/lib64", "/opt"]

    let reading: [String]
    let writing: [String]

    /// A path that is wrong is left out: the plan says what is wrong with it.
    ///
    /// - Parameter directory: the job's in the spool.
    init(_ manifest: Manifest, _ roots: Roots, directory: String) {
        let sources = [manifest.calibration?.source, manifest.evaluation?.source].compactMap { $0 }
        let files = sources.map { source in
            switch source {
            case .text(let path), .tokens(let path): path
            }
        }
        reading =
            [try? roots.directoryToRead(manifest.model)].compactMap { $0 }
            + (files + [manifest.evaluation?.choices, manifest.knownStatistics].compactMap { $0 })
            .compactMap { try? roots.fileToRead($0) }
        let output = try? roots.outputPath(manifest.output)
        let parent = output.map { "/" + $0.split(separator: "/").dropLast().joined(separator: "/") }
        writing = [directory, P_tmpdir, "/dev/null"] + [parent].compactMap { $0 }
    }

    /// To be called before other threads are started: only later ones are confined too.
    func apply() throws(SystemError) {
        _ = try Landlock.confine(
            reading: reading + Self.system, executing: Self.programs, writing: writing)
    }
}
