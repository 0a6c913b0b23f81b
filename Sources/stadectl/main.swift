import Daemon
import Glibc

// Not exit(3): OpenBLAS would join threads there that never end where they get no memory.
_exit(StadectlCommand.run(Array(CommandLine.arguments.dropFirst())))
