import Posix

/// Attempts that have ended and whose jobs are still to be settled.
struct EndedAttempts {
    private var attempts: [Attempt] = []

    var isEmpty: Bool { attempts.isEmpty }

    mutating func add(_ attempt: Attempt) { attempts.append(attempt) }

    /// Settles them, the first one first. One that throws stays, to be tried again.
    mutating func settle(_ settle: (Attempt) throws(SystemError) -> Void) throws(SystemError) {
        while let attempt = attempts.first {
            try settle(attempt)
            attempts.removeFirst()
        }
    }
}
