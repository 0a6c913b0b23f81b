import Glibc
import Manifests
import Pipeline
import Posix

/// What one job's worker may open, where the kernel can keep it to that.
///
/// The worker parses what strangers wrote. Should a mistake in a parser give them the process, they
/// still reach no other job, no other model and nobody's home.
struct Confinement {
    /// What the C library, oneDNN and the lookup of accounts read while they work.
    private static let system = ["/etc", "/proc", "/sys", "/dev/urandom", "/run/systemd/userdb"]
    private static let programs = ["/usr", "/lib", "/lib64", "/opt"]

    let reading: [OpenFile]
    let writing: [OpenFile]

    /// A path that is wrong is left out: the plan says what is wrong with it. What is found stays
    /// open in `roots`, which give the plan the same.
    ///
    /// - Parameter directory: the job's in the spool.
    init(_ manifest: Manifest, _ roots: Roots, directory: String) {
        let sources = [manifest.calibration?.source, manifest.evaluation?.source].compactMap { $0 }
        let files = sources.map { source in
            switch source {
            case .text(let path), .tokens(let path): path
            }
        }
        let model = try? ModelPath.directory(manifest.model, roots)
        reading =
            [model, ModelPath.reference(manifest.model, roots)].compactMap { $0 }
            + (model?.linkedFiles ?? [])
            + (files + [manifest.evaluation?.choices, manifest.knownStatistics].compactMap { $0 })
            .compactMap { try? roots.fileToRead($0) }
        writing =
            Self.named([directory, P_tmpdir, "/dev/null"])
            + [try? roots.output(manifest.output).parent].compactMap { $0 }
    }

    /// What is not there is left out.
    private static func named(_ paths: [String]) -> [OpenFile] {
        paths.compactMap { try? OpenFile(naming: $0) }
    }

    /// To be called before other threads are started: only later ones are confined too.
    func apply() throws(SystemError) {
        _ = try Landlock.confine(
            reading: reading + Self.named(Self.system), executing: Self.named(Self.programs),
            writing: writing)
    }
}
