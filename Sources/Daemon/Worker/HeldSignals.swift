import Glibc

/// Keeps these signals from ending the process before their sources take them: a source of Dispatch is
/// made ready by its queue, some time after `resume`. Until then a signal waits: pthread_sigmask(3). To be
/// called on the main thread before others are started, which do likewise.
func holdSignals(_ numbers: [CInt]) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
}
