/// What a program tells its caller when it ends, after sysexits(3).
package enum ExitCode: Int32, Sendable, Hashable {
    /// All that was asked for is done.
    case done = 0
    /// The command line is wrong.
    case usage = 64
    /// A model or a data file is wrong.
    case data = 65
    /// A file or a directory that was named is not there.
    case noInput = 66
    /// The program's own mistake.
    case software = 70
    /// The output cannot be written.
    case cannotCreate = 73
    /// Reading or writing failed.
    case io = 74
    /// It may succeed later: a full disk, too many open files.
    case tryAgain = 75
    /// The caller may not do this.
    case notPermitted = 77
    /// A manifest or the configuration is wrong.
    case configuration = 78
}
