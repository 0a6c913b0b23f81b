import Manifests
import Posix
import Spool
import Testing

@testable import Daemon

/// What Slurm's programs print, and what they are called with.
@Suite struct SlurmOutputTests {
    private static let lines: [(String, Int?, SlurmState?, String?)] = [
        ("7|PENDING|500|stade-a-1||Resources", 7, .pending, "PENDING, Resources"),
        ("7|RUNNING|500|stade-a-1|n[1-2]|None", 7, .running, "RUNNING"),
        ("7|COMPLETING|500|stade-a-1|n1|None", 7, .running, "COMPLETING"),
        ("7|COMPLETED|500|stade-a-1|n1|None", 7, .ended(.completed), "COMPLETED"),
        ("7|FAILED|500|x|n1|NonZeroExitCode", 7, .ended(.failed), "FAILED, NonZeroExitCode"),
        ("7|FAILED|500|x||BadConstraints", 7, .ended(.impossible), "FAILED, BadConstraints"),
        ("7|CANCELLED|500|x||None", 7, .ended(.cancelled), "CANCELLED"),
        ("7|TIMEOUT|500|x|n1|TimeLimit", 7, .ended(.interrupted), "TIMEOUT, TimeLimit"),
        ("7|NODE_FAIL|500|x|n1|", 7, .ended(.interrupted), "NODE_FAIL"),
        ("7|PREEMPTED|500|x|n1|None", 7, .ended(.interrupted), "PREEMPTED"),
        ("7|OUT_OF_MEMORY|500|x|n1|None", 7, .ended(.outOfMemory), "OUT_OF_MEMORY"),
        (
            "7|PENDING|500|x||launch failed requeued held", 7, .held,
            "PENDING, launch failed requeued held"
        ),
        (
            "7|REQUEUE_HOLD|500|x||launch_failed_requeued_held", 7, .held,
            "REQUEUE_HOLD, launch_failed_requeued_held"
        ),
        ("7|PENDING|500|x||JobHeldUser", 7, .pending, "PENDING, JobHeldUser"),
        ("7|REQUEUE_HOLD|500|x||a|b", 7, .pending, "REQUEUE_HOLD, a|b"),
        ("7|OF_THE_FUTURE|500|x|n1|None", 7, .running, "OF_THE_FUTURE"),
        ("7|PENDING|500|x||a\u{1b}[2J", 7, .pending, "PENDING, a\\u{1b}[2J"),
        // Somebody else's, or no line of squeue's.
        ("7|RUNNING|501|stade-a-1|n1|None", nil, nil, nil),
        ("7|RUNNING|500|a b|n1|None", nil, nil, nil),
        ("7|RUNNING|500||n1|None", nil, nil, nil),
        ("7_[1-3]|RUNNING|500|x|n1|None", nil, nil, nil),
        ("-7|RUNNING|500|x|n1|None", nil, nil, nil),
        ("0|RUNNING|500|x|n1|None", nil, nil, nil),
        ("99999999999999999999|RUNNING|500|x|n1|None", nil, nil, nil),
        ("7|RUNNING|500|x", nil, nil, nil), ("", nil, nil, nil), ("|||||", nil, nil, nil),
        ("slurm_load_jobs error: Socket timed out", nil, nil, nil),
    ]

    @Test(arguments: lines) func listing(
        _ line: String, _ number: Int?, _ state: SlurmState?, _ words: String?
    ) {
        let entry = SlurmListing("1|RUNNING|0|y|n1|None\n\(line)\n", uid: 500).entries.first
        #expect(entry?.number == number && entry?.state == state && entry?.words == words)
    }

    @Test func listing_findsTheOneThatLives() {
        let listing = SlurmListing(
            """
            3|FAILED|500|stade-a-1|n1|None
            9|CANCELLED|500|stade-a-1|n1|None
            4|PENDING|500|stade-a-1||None
            5|COMPLETED|500|stade-b-1|n1|None
            6|FAILED|500|stade-b-1|n1|None
            """, uid: 500)
        #expect(listing.entry(named: "stade-a-1")?.number == 4)
        #expect(listing.entry(named: "stade-b-1")?.number == 6)
        #expect(listing.entry(named: "stade-c-1") == nil)
        // Slurm counts from 1 again where its state is lost.
        #expect(listing.entry(3, named: "stade-b-1") == nil)
    }

    @Test(arguments: [
        ("stade-20250101-000000-abcdef-12", "20250101-000000-abcdef", 12),
        ("stade-abcdefgh-1", "abcdefgh", 1),
    ])
    func name_isTakenApart(_ name: String, _ id: String, _ count: Int) throws {
        let parts = try #require(SlurmListing.parts(name))
        #expect(parts.id == id && parts.count == count)
    }

    @Test(arguments: [
        "", "stade-", "stade-1", "stade--1", "stade-a-1", "stade-abcdefgh-", "x-abcdefgh-1",
    ])
    func name_ofSomethingElse(_ name: String) { #expect(SlurmListing.parts(name) == nil) }

    private static let replies: [(SlurmCommand.Result, SlurmReply)] = [
        (.ended(0, output: "17\n", errors: ""), .submitted(17)),
        (.ended(0, output: "17;cluster\n", errors: "sbatch: a warning\n"), .submitted(17)),
        (.ended(0, output: "", errors: ""), .unknown("sbatch said ''")),
        (.ended(0, output: "0\n", errors: ""), .unknown("sbatch said '0\\u{a}'")),
        (.ended(0, output: "17 jobs\n", errors: ""), .unknown("sbatch said '17 jobs\\u{a}'")),
        (
            .ended(
                1, output: "", errors: "sbatch: error: Batch job submission failed: Invalid qos\n"),
            .refused("Batch job submission failed: Invalid qos")
        ),
        (
            .ended(
                1, output: "",
                errors: "sbatch: error: Memory specification can not be satisfied\n"
                    + "sbatch: error: Batch job submission failed: Requested node configuration is "
                    + "not available\n"),
            .refused("Batch job submission failed: Requested node configuration is not available")
        ),
        (
            .ended(
                1, output: "",
                errors: "sbatch: error: Batch job submission failed: "
                    + "Unable to contact slurm controller (connect failure)\n"),
            .unreachable(
                "Batch job submission failed: Unable to contact slurm controller (connect failure)")
        ),
        (
            .ended(
                1, output: "",
                errors: "sbatch: error: Batch job submission failed: "
                    + "Socket timed out on send/recv operation\n"),
            .unknown("Batch job submission failed: Socket timed out on send/recv operation")
        ),
        (
            .ended(
                1, output: "", errors: "sbatch: fatal: Could not establish a configuration source\n"
            ),
            .unreachable("Could not establish a configuration source")
        ),
        (.ended(137, output: "", errors: ""), .unknown("sbatch ended with status 137")),
        (.ended(3, output: "17\n", errors: ""), .refused("sbatch ended with status 3")),
        (.timedOut, .unknown("sbatch did not end in time")),
        (.failed("no such file"), .unreachable("no such file")),
    ]

    @Test(arguments: replies) func reply(_ result: SlurmCommand.Result, _ expected: SlurmReply) {
        #expect(SlurmReply(result) == expected)
    }

    @Test("fault 90: nothing that a user wrote reaches a shell or an option of sbatch")
    func arguments_haveNothingOfTheManifest() {
        var record = JobRecord(
            id: "20250101-000000-abcdef", state: .active, name: "--wrap=id; $(id)\n#SBATCH -w x",
            file: "`id`.yaml", uid: .max - 1, submitted: 0)
        record.executor = .slurm
        record.submission = JobRecord.Submission(count: 3)
        var settings = Configuration.Slurm()
        settings.account = "lab"
        settings.options = ["--qos=high"]
        let submission = SlurmSubmission(
            record: record, share: Share(threads: 3, memory: 1 << 30), time: 61,
            directory: "/spool/active/20250101-000000-abcdef",
            worker: ["/usr/bin/staded", "--worker"],
            settings: settings)
        #expect(
            submission.arguments == [
                "--qos=high", "--account=lab", "--parsable",
                "--job-name=stade-20250101-000000-abcdef-3",
                "--comment=stade:uid:4294967294:user:user_4294967294", "--nodes=1", "--ntasks=1",
                "--cpus-per-task=3", "--mem=2305M", "--requeue", "--signal=B:TERM@300",
                "--propagate=NONE", "--open-mode=append",
                "--output=/spool/active/20250101-000000-abcdef/log",
                "--chdir=/spool/active/20250101-000000-abcdef", "--time=2",
                "/spool/active/20250101-000000-abcdef/slurm.sh", "/usr/bin/staded", "--worker",
            ])
        #expect(!SlurmSubmission.script.contains(record.name))
    }

    @Test func environment_isMadeAnew() {
        let own = [
            "PATH=/evil", "LD_PRELOAD=x", "SBATCH_PARTITION=p", "SLURM_CONF=/etc/x.conf",
            "OPENBLAS_CORETYPE=Haswell", "HOME=/root", "SQUEUE_FORMAT=x",
        ]
        #expect(
            SlurmCommand.environment(own) == [
                "PATH=/usr/bin:/bin", "LC_ALL=C", "SWIFT_BACKTRACE=enable=no",
                "SLURM_CONF=/etc/x.conf", "OPENBLAS_CORETYPE=Haswell", "OPENBLAS_NUM_THREADS=1",
            ])
        #expect(
            SlurmCommand.environment(["OPENBLAS_NUM_THREADS=2"]).filter { $0.hasPrefix("OPENB") }
                == ["OPENBLAS_NUM_THREADS=2"])
    }

    @Test func command_thatHangs_isEnded() {
        func run(_ script: String, _ timeout: Double) -> SlurmCommand.Result {
            SlurmCommand(executable: "/bin/sh", arguments: ["-c", script], timeout: timeout).run()
        }
        let start = Clock.boot()
        #expect(run("sleep 60", 0.3) == .timedOut)
        #expect(Clock.boot() - start < 20)
        #expect(run("echo a; echo b >&2; exit 3", 60) == .ended(3, output: "a\n", errors: "b\n"))
        #expect(run("kill -9 $$", 60) == .ended(137, output: "", errors: ""))
        let missing = SlurmCommand(executable: "/no/sbatch", arguments: [], timeout: 1).run()
        #expect(missing == .failed("/no/sbatch: cannot start: No such file or directory"))
    }
}
