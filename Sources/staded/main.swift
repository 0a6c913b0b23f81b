import Daemon
import Glibc

exit(StadedCommand.run(Array(CommandLine.arguments.dropFirst())))
