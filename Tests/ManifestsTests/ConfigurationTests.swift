import Documents
import Manifests
import Posix
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    private func read(_ text: String) throws -> Configuration {
        try Configuration.read(Array(text.utf8), file: "staded.yaml")
    }

    @Test func read_theDocumentedConfiguration() throws {
        let configuration = try read(Documented.configuration)
        #expect(configuration.spool == "/var/spool/stade")
        #expect(configuration.inbox == "/var/spool/stade/inbox")
        #expect(configuration.roots.read == ["/srv/stade/models", "/srv/stade/data"])
        #expect(configuration.roots.write == ["/srv/stade/out"])
        #expect(configuration.limits.threads == 8 && configuration.limits.memory == 32 << 30)
        #expect(configuration.limits.jobs == 2 && configuration.limits.jobsPerUser == 1)
        #expect(configuration.history.jobs == 4000 && configuration.history.age == 90 * 86400)
        #expect(configuration.log == .info)
    }

    @Test func read_theInstalledConfiguration_isTheDefault() throws {
        let file = sourcePath("etc/staded.yaml")
        let configuration = try Configuration.read(readFile(file), file: file)
        let usual = try read("version: 1")
        #expect(configuration.spool == usual.spool && configuration.inbox == usual.inbox)
        #expect(configuration.limits.jobs == 1 && configuration.limits.threads == nil)
        #expect(configuration.limits.memory == nil && configuration.limits.jobsPerUser == nil)
        #expect(configuration.limits.waitingPerUser == 100 && configuration.limits.reserve == nil)
        #expect(configuration.history.jobs == usual.history.jobs)
        #expect(configuration.history.age == usual.history.age)
        #expect(configuration.log == usual.log)
        #expect(configuration.roots.write == ["/srv/stade/out"])
    }

    @Test func read_theInboxIsInTheSpool() throws {
        #expect(try read("{version: 1, spool: /tmp//é/}").inbox == "/tmp/é/inbox")
        #expect(try read("{version: 1, spool: /s, inbox: /i/}").inbox == "/i")
    }

    @Test func read_whatWaitsAndWhatIsKeptFree() throws {
        let limits = try read(
            "{version: 1, limits: {waiting_per_user: 7, reserve: 1GiB, jobs_per_user: 2}}"
        ).limits
        #expect(limits.waitingPerUser == 7 && limits.reserve == 1 << 30 && limits.jobsPerUser == 2)
        #expect(try read("{version: 1, limits: {reserve: 0}}").limits.reserve == 0)
    }

    @Test func read_limitsOfTimeAndPriorityAndTheHistoryOfEachUser() throws {
        let configuration = try read(
            """
            version: 1
            limits: {time: 90m, priority_max: -3}
            history: {jobs: 9, jobs_per_user: 0, rejected: 7, snapshots: 2}
            """)
        #expect(configuration.limits.time == 5400 && configuration.limits.priorityMax == -3)
        let history = configuration.history
        #expect(history.jobs == 9 && history.jobsPerUser == 0)
        #expect(history.rejected == 7 && history.snapshots == 2)
        let usual = try read("version: 1").limits
        #expect(usual.time == nil && usual.priorityMax == nil)
    }

    @Test func read_whatSlurmOffers() throws {
        #expect(try read("version: 1").slurm == nil)
        let usual = try #require(try read("{version: 1, executor: {slurm: {}}}").slurm)
        #expect(usual == Configuration.Slurm())
        #expect(usual.nodes == 8 && usual.threads == 4 && usual.memory == 8 << 30)
        let slurm = try #require(
            try read(
                """
                version: 1
                executor:
                  slurm: {partition: "a,b_1", account: lab, options: [--qos=high, --exclusive],
                    nodes: 3, threads: 16, memory: 64GiB, time: 2h, margin: 10m,
                    programs: /opt/slurm/bin/, worker: /opt/stade/bin/staded}
                """
            ).slurm)
        #expect(slurm.partition == "a,b_1" && slurm.account == "lab" && slurm.nodes == 3)
        #expect(slurm.options == ["--qos=high", "--exclusive"] && slurm.threads == 16)
        #expect(slurm.memory == 64 << 30 && slurm.time == 7200 && slurm.margin == 600)
        #expect(slurm.programs == "/opt/slurm/bin" && slurm.worker == "/opt/stade/bin/staded")
    }

    @Test(arguments: [
        ("options: [--output=/etc/passwd]", "--output is one"),
        ("options: [--outp=/etc/passwd]", "--output is one"),
        ("options: [--wrap=id]", "--wrap is one"), ("options: [--array=1-9]", "--array is one"),
        ("options: [--uid=0]", "--uid is one"), ("options: [--no-requeue]", "--no-requeue is one"),
        ("options: [-p, main]", "as --name or --name=value"),
        ("options: [--]", "as --name or --name=value"),
        ("options: [job.sh]", "as --name or --name=value"),
        ("options: --qos=high", "a list of texts"),
        ("partition: -x", "a name of letters"), ("account: 'a b'", "a name of letters"),
        ("partition: 'a;id'", "a name of letters"),
        ("nodes: 0", "an integer from 1 to 1000"), ("time: 59s", "a time of at least 60s"),
        ("{time: 5m}", "more than 'executor.slurm.margin', which is 300s"),
        ("programs: bin", "an absolute path"), ("queue: x", "unknown key"),
    ])
    func refusal_ofWhatSlurmMustNotBeTold(_ member: String, _ words: String) throws {
        let members = member.hasPrefix("{") ? member : "{\(member)}"
        let error = try #require(throws: DocumentError.self) {
            try read("{version: 1, executor: {slurm: \(members)}}")
        }
        #expect(error.reason.contains(words), "\(error.reason)")
    }

    @Test func spoolWhosePathSlurmWouldChange_isRefused() throws {
        #expect(try read("{version: 1, spool: /a%j}").spool == "/a%j")
        #expect(throws: DocumentError.self) {
            try read("{version: 1, spool: /a%j, executor: {slurm: {}}}")
        }
    }

    @Test func executor_mustBeOffered() throws {
        let text = "{version: 1, model: m, output: o, prune: {method: magnitude}, executor: slurm"
        func refusal(_ more: String, _ configuration: String) throws -> String? {
            let manifest = try Manifest.read(Array((text + more + "}").utf8), file: "m.yaml")
            #expect(manifest.executor == .slurm)
            return try read(configuration).refusal(of: manifest, from: 1000)
        }
        let offered = "{version: 1, executor: {slurm: {margin: 2m}}}"
        #expect(try refusal("", offered) == nil)
        #expect(try refusal(", limits: {time: 3m}", offered) == nil)
        #expect(try refusal("", "version: 1")?.contains("this daemon offers none") == true)
        let short = try #require(try refusal(", limits: {time: 2m}", offered))
        #expect(short.hasPrefix("limits.time is 2m, and the last 2m before Slurm ends a job"))
    }

    private static let requests: [(Int?, Int?, Int, Int, UInt32, String?)] = [
        (nil, nil, 7200, 1000, 1000, nil),
        (7200, 0, 7200, 0, 1000, nil),
        (7199, nil, 7200, 0, 0, "limits.time is 2h, and a job may take 7199s"),
        (7199, nil, 7200, 0, 1000, "limits.time is 2h, and a job may take 7199s"),
        (nil, 0, 7200, 1, 1000, "the priority is 1, and users may ask for 0"),
        (nil, -5, 7200, -4, 1, "the priority is -4, and users may ask for -5"),
        (nil, -5, 7200, 1000, 0, nil),
    ]

    @Test(arguments: requests)
    func refusal_namesWhatIsAskedForAndWhatMayBe(
        _ time: Int?, _ priority: Int?, _ asked: Int, _ wanted: Int, _ uid: UInt32, _ words: String?
    ) throws {
        var limits = Configuration().limits
        limits.time = time
        limits.priorityMax = priority
        var manifest = Manifest(name: "a", model: "m", output: "o")
        manifest.limits.time = asked
        manifest.priority = wanted
        let refusal = limits.refusal(of: manifest, from: uid)
        #expect((refusal == nil) == (words == nil))
        if let words { #expect(refusal?.hasPrefix(words) == true, "\(refusal ?? "")") }
        #expect(limits.timeLimit(of: manifest) == min(time ?? .max, asked))
        manifest.limits.time = nil
        #expect(limits.timeLimit(of: manifest) == time && limits.timeLimit(of: nil) == time)
    }

    @Test(arguments: [
        ("limits: {time: 0s}", "2:16", "expected a time of at least 1s"),
        ("limits: {priority_max: 1001}", "2:24", "expected an integer from -1000 to 1000"),
        ("history: {snapshots: -1}", "2:22", "expected an integer from 0"),
        ("history: {rejcted: 1}", "2:11", "did you mean 'rejected'?"),
        ("spool: spool", "2:8", "the text 'spool' for 'spool'; expected an absolute path"),
        ("spool: /a/../b", "2:8", "expected an absolute path without '..'"),
        ("spool: /a/../\u{301}b", "2:8", "expected an absolute path without '..'"),
        ("spool: \"/a\\0b\"", "2:8", "expected a path"),
        ("inbox: ''", "2:8", "empty text for 'inbox'"),
        ("roots: [/a]", "2:8", "a list for 'roots'; expected keys"),
        ("roots: {read: /a}", "2:15", "the text '/a' for 'roots.read'; expected a list"),
        ("roots: {write: [/a, b]}", "2:21", "the text 'b' for 'roots.write'; expected an absolute"),
        ("roots: {execute: [/a]}", "2:9", "the unknown key 'execute'; expected 'read' or 'write'"),
        (
            "limits: {jobs: 0}", "2:16",
            "the integer 0 for 'limits.jobs'; expected an integer from 1"
        ),
        ("limits: {threads: 4097}", "2:19", "expected an integer from 1 to 4096"),
        ("limits: {memory: 0}", "2:18", "expected a size of at least 1"),
        ("limits: {waiting_per_user: 0}", "2:28", "expected an integer from 1 to 10000"),
        ("limits: {reserve: 5 %}", "2:19", "for 'limits.reserve'; expected a size"),
        ("limits: {jobs_per_usr: 1}", "2:10", "did you mean 'jobs_per_user'?"),
        ("threads: 2", "2:1", "the key 'threads' at the top level; it belongs under 'limits'"),
        ("history: {age: 90}", "2:16", "the integer 90 for 'history.age'; expected a time"),
        ("history: {age: 99999999999999999d}", "2:16", "expected a time"),
        ("history: {jobs: -1}", "2:17", "expected an integer from 0"),
        ("log: warn", "2:6", "expected debug, info, warning or error"),
        ("log: &a info", "2:6", "the anchor '&a'"),
    ]) func read_whenBroken(_ line: String, _ place: String, _ words: String) throws {
        let error = try #require(throws: DocumentError.self) { try read("version: 1\n" + line) }
        #expect(error.description.hasPrefix("staded.yaml:\(place): "), "\(error)")
        #expect(error.reason.contains(words), "\(error)")
        #expect(error.exitCode == .configuration)
    }
}
