import Glibc

/// `KILL` for 9: sigabbrev_np(3), which Swift's Glibc does not have.
func signalName(_ number: CInt) -> String {
    let names: [CInt: String] = [
        SIGHUP: "HUP", SIGINT: "INT", SIGQUIT: "QUIT", SIGILL: "ILL", SIGTRAP: "TRAP",
        SIGABRT: "ABRT", SIGBUS: "BUS", SIGFPE: "FPE", SIGKILL: "KILL", SIGSEGV: "SEGV",
        SIGPIPE: "PIPE", SIGALRM: "ALRM", SIGTERM: "TERM", SIGXCPU: "XCPU", SIGXFSZ: "XFSZ",
        SIGSYS: "SYS",
    ]
    return names[number] ?? "unknown"
}
