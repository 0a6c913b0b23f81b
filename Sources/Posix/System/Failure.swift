/// An error for the person who must act: one line that says what is wrong, where, and what to do.
///
/// Modules throw types of their own that hold the facts; the wording is the `description`.
package protocol Failure: Error, CustomStringConvertible, Sendable {
    /// What the process tells its caller when this error ends it.
    var exitCode: ExitCode { get }
}
