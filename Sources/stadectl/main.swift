import Daemon
import Glibc

exit(StadectlCommand.run(Array(CommandLine.arguments.dropFirst())))
