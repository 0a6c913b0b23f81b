import Posix

/// An output that was begun, as a snapshot knows it.
struct BegunOutput: Sendable {
    let progress: OutputProgress
    /// Of the directory in which it is built.
    let identity: FileIdentity
}
