import Glibc
import Posix

extension Inbox {
    private static let batch = 256

    /// Begins a look through the whole inbox where one is due, or goes on with it.
    mutating func lookFurther(
        _ directory: borrowing File, _ now: Double, _ rules: Rules, _ intake: inout Intake
    ) throws(SystemError) {
        let started = Clock.boot()
        if look.stream == nil {
            // Of some user more was seen than is remembered, and that is nearly used up.
            let isWanted =
                look.isWanted
                || manifests.queues.values.contains {
                    $0.hasMore && $0.count < manifests.perUser / 8
                }
            let wait = look.wait(now, isWanted: isWanted, isWatched: rules.isWatched)
            if wait > 0 {
                if isWanted { intake.lookAgain(after: wait) }
                return
            }
            look.stream = try DirectoryStream(directory)
            look.isWanted = false
            look.number += 1
            look.cost = 0
            manifests.expectAll()
            ignored.beginLook()
        }
        guard let stream = look.stream else { return }
        var goesOn = true
        do throws(SystemError) {
            repeat {
                goesOn = try stream.read(upTo: Self.batch) { name in
                    note(name, nil, directory, now, isLook: true, &intake)
                }
            } while goesOn && Clock.boot() - started < rules.lookSlice
        } catch {
            look.stream = nil
            look.isWanted = true
            look.ended = now
            throw error
        }
        look.cost += Clock.boot() - started
        if goesOn {
            intake.hasMore = true
        } else {
            endLook(directory, now, &intake)
        }
    }

    /// Forgets what has gone.
    private mutating func endLook(
        _ directory: borrowing File, _ now: Double, _ intake: inout Intake
    ) {
        look.stream = nil
        look.ended = now
        func hasGone(_ candidate: Candidate) -> Bool {
            var status = stat()
            return fstatat(
                directory.descriptor, candidate.name, &status, AT_SYMLINK_NOFOLLOW) != 0
                || status.st_uid != candidate.uid
        }
        for candidate in manifests.unseen(in: look.number) where hasGone(candidate) {
            manifests.remove(candidate.name, of: candidate.uid)
        }
        for candidate in requests.unseen(in: look.number) where hasGone(candidate) {
            requests.remove(candidate.name, of: candidate.uid)
        }
        if let text = ignored.endLook() { intake.warn(text) }
        rejections = rejections.filter { !$0.value.isFull(now) }
    }
}
