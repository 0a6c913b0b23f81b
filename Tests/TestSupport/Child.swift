import Glibc
import Posix

/// Starts a program without the signals that the threads of tests block.
///
/// - Parameters:
///   - words: its path, then its arguments.
///   - output: a file to which standard output and standard error are added; nil: this process's.
///   - environment: nil: this process's.
///   - isGroup: it and what it starts are a process group of their own.
package func startProgram(
    _ words: [String], output: String? = nil, environment: [String]? = nil, isGroup: Bool = false
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let output {
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(
            &actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_APPEND, 0o640)
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
        &attributes, Int16(POSIX_SPAWN_SETSIGMASK | (isGroup ? POSIX_SPAWN_SETPGROUP : 0)))
    var arguments = words.map { strdup($0) } + [nil]
    var variables = (environment ?? []).map { strdup($0) } + [nil]
    defer { for word in arguments + variables { free(word) } }
    var child: pid_t = 0
    let code =
        environment == nil
        ? posix_spawn(&child, words[0], &actions, &attributes, &arguments, environ)
        : posix_spawn(&child, words[0], &actions, &attributes, &arguments, &variables)
    if code != 0 { throw SystemError("start", words[0], errno: code) }
    return child
}

/// The exit status in what waitpid(2) gives, or 128 and the signal.
package func exitStatus(_ result: CInt) -> CInt {
    result & 0x7f == 0 ? result >> 8 & 0xff : 128 + result & 0x7f
}

/// Runs a program to its end.
/// - Returns: its exit status, or 128 and the signal.
package func runProgram(_ words: [String], output: String? = nil) throws -> CInt {
    let child = try startProgram(words, output: output)
    var result: CInt = 0
    while waitpid(child, &result, 0) < 0 && errno == EINTR {}
    return exitStatus(result)
}
