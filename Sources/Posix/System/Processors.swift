import CLinux
import Glibc

/// The processors that this process may run on: sched_getaffinity(2), which containers and
/// `taskset` narrow; at least 1.
package var availableProcessors: Int { max(1, Int(stade_available_processors())) }

/// The machine's memory in bytes: sysconf(3).
package var physicalMemory: Int {
    sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
}

/// The processor lacks what the programs are compiled for.
package struct ProcessorError: Failure, Hashable {
    package var exitCode: ExitCode { .software }
    package var description: String {
        "this processor has no AVX2 and FMA (x86-64-v3), which stade is compiled for; "
            + "use another machine"
    }

    /// To be called before anything else: what follows could end with an illegal instruction.
    package static func check() throws(ProcessorError) {
        if stade_has_x86_64_v3() == 0 { throw ProcessorError() }
    }
}
