import Glibc
import Posix

extension Inbox {
    /// Takes the request files away; whether a request is granted is the caller's business. One
    /// that is lost in a crash is asked for again by whoever asked.
    mutating func takeRequests(
        _ directory: borrowing File, _ rules: Rules, _ intake: inout Intake
    ) {
        let lanes = requests.users.map { uid in
            (uid: uid, names: requests.queues[uid]?.candidates ?? [])
        }
        guard !lanes.isEmpty else { return }
        var taken = 0
        let isCut = Candidates.inTurns(lanes) { uid, name in
            guard taken < rules.requestLimit else { return .stop }
            taken += 1
            requests.remove(name, of: uid)
            requests.noteTurn(of: uid)
            if let request = take(name, of: uid, directory) { intake.requests.append(request) }
            return .next
        }
        if isCut { intake.hasMore = true }
    }

    /// Removes a request's file. What is no request stays, and means nothing.
    private func take(
        _ name: [CChar], of uid: UInt32, _ directory: borrowing File
    ) -> Request? {
        var status = stat()
        // A hard link to another user's file would pass for that user's request.
        guard fstatat(directory.descriptor, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1, status.st_uid == uid,
            case .request(let text) = InboxName(name),
            var request = Request(fileName: text, uid: uid)
        else { return nil }
        if status.st_size != 0 {
            // Nor may any file of theirs that somebody else has moved here.
            request.objection = "its file is not empty"
        } else if !isWord(of: uid) {
            request.objection =
                "a file of the daemon's own account means nothing in an inbox that others may "
                + "write to; ask as root or as the job's owner"
        }
        return unlinkat(directory.descriptor, name, 0) == 0 ? request : nil
    }

    /// Removes a request for which there is no room, so that a flood of them ends.
    func drop(_ request: Candidate, _ directory: borrowing File, _ intake: inout Intake) {
        var status = stat()
        guard fstatat(directory.descriptor, request.name, &status, AT_SYMLINK_NOFOLLOW) == 0,
            status.st_mode & S_IFMT == S_IFREG, status.st_uid == request.uid
        else { return }
        if unlinkat(directory.descriptor, request.name, 0) == 0 {
            intake.noteDropped(of: request.uid)
        }
    }
}
