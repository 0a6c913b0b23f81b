import Glibc

/// What a process ends with whose memory ran out: EX_OSERR of sysexits(3).
package let outOfMemoryStatus: CInt = 71

/// Ends the process, for it cannot go on. The plan of a job has checked its sizes against its
/// memory limit: what fails here is the machine, or the plan. A trap would say neither what
/// happened nor why.
func endOutOfMemory(_ bytes: Int) -> Never {
    let text = "out of memory: \(bytes) bytes more cannot be had\n"
    _ = write(STDERR_FILENO, text, text.utf8.count)
    _exit(outOfMemoryStatus)
}
