import Manifests
import Posix

/// One manifest's work: `plan` checks everything, `run` computes and publishes.
package struct Job: Sendable {
    /// The spool's name of the job; `stadectl prune` makes one up. Letters, digits and `-` only.
    package let id: String
    package let manifest: Manifest
    package let paths: Roots
    /// What the configuration allows at most; the manifest may ask for less.
    package let ceiling: Configuration.Limits

    package init(id: String, manifest: Manifest, paths: Roots, ceiling: Configuration.Limits) {
        self.id = id
        self.manifest = manifest
        self.paths = paths
        self.ceiling = ceiling
    }

    /// Checks model, paths, texts, disk space and memory without computing anything or leaving
    /// anything behind; well under a second even for large models.
    package func validate() throws {}

    /// Prunes and publishes. `progress` is called from the job's thread, often; `isStopped` is polled
    /// several times a second from any thread. Where it turns true the job removes its partial
    /// output and throws `Stopped`.
    /// - Returns: the paths of the published outputs, one per sparsity.
    package func run(
        progress: @escaping @Sendable (Progress) -> Void, isStopped: @escaping @Sendable () -> Bool
    ) throws -> [String] { [] }
}

/// The job was asked to stop and has left nothing behind.
package struct Stopped: Failure {
    package init() {}
    package var exitCode: ExitCode { .tryAgain }
    package var description: String { "stopped before it was finished" }
}
