import Glibc
import Posix
import TestSupport
import Testing

/// sbatch, squeue and scancel as shell scripts that keep their jobs in a directory. Files in it say
/// how they are to behave: `away`, `pending`, `refuse`, `late`, `slow`, and `N.held` for one job.
struct FakeSlurm {
    /// Of the programs, for `executor.slurm.programs`.
    let path: String

    /// Each job has a file for its name, its state, its process and the words that it was called
    /// with.
    private static let common = """
        cd "$(dirname "$0")" || exit 1
        run() { # number
            echo RUNNING >$1.state
            (
                eval "set -- $1 $(cat $1.words)"
                number=$1
                shift
                "$@" >>log 2>&1 &
                echo $! >$number.process
                wait $!
                status=$?
                case $(cat $number.state) in
                RUNNING)
                    if [ $status = 0 ]; then word=COMPLETED; else word=FAILED; fi
                    echo $word >$number.state ;;
                COMPLETING) echo CANCELLED >$number.state ;;
                esac
            ) >/dev/null 2>&1 &
        }
        if [ -e away ]; then
            echo 'slurm_load_jobs error: Unable to contact slurm controller (connect failure)' >&2
            exit 1
        fi

        """

    private static let scripts = [
        "sbatch": """
        echo "$@" >>calls
        if [ -e refuse ]; then
            echo 'sbatch: error: Batch job submission failed: Invalid partition name' >&2
            exit 1
        fi
        touch called
        [ -e late ] && sleep 1.5
        number=$(($(ls | grep -c '[.]name$') + 1))
        while [ "${1#--}" != "$1" ]; do
            case $1 in --job-name=*) name=${1#*=} ;; esac
            shift
        done
        # Slurm's copy of the script.
        cp "$1" $number.script
        shift
        for word in /bin/sh "$PWD/$number.script" "$@"; do
            printf "'%s' " "$word"
        done >$number.words
        echo PENDING >$number.state
        echo "$name" >$number.name
        [ -e pending ] || run $number
        [ -e slow ] && sleep 1.5
        echo $number

        """,
        "squeue": """
        for file in *.name; do
            [ -e "$file" ] || continue
            number=${file%.name}
            case $(cat $number.state) in
            PENDING) node= reason=Priority ;;
            FAILED) node=n1 reason=NonZeroExitCode ;;
            *) node=n1 reason=None ;;
            esac
            [ -e $number.process ] || node=
            [ -e $number.held ] && reason='launch failed requeued held'
            echo "$number|$(cat $number.state)|$(id -u)|$(cat $file)|$node|$reason"
        done
        echo "99|RUNNING|4711|$(cat 1.name 2>/dev/null)|n1|None"

        """,
        "scancel": """
        for number in "$@"; do
            case $(cat $number.state) in
            PENDING) echo CANCELLED >$number.state ;;
            RUNNING)
                echo COMPLETING >$number.state
                kill -TERM $(cat $number.process) ;;
            esac
        done

        """,
        // What Slurm does by itself.
        "start": "run $1\n",
        "requeue": """
        echo PENDING >$1.state
        kill -KILL $(cat $1.process)
        sleep 0.5
        run $1

        """,
    ]

    init(_ path: String) throws {
        self.path = path
        if mkdir(path, 0o750) != 0 { throw SystemError("mkdir", path) }
        for (name, script) in Self.scripts {
            let file = joined(path, name)
            try writeFile(file, Array(("#!/bin/sh\n" + Self.common + script).utf8))
            chmod(file, 0o755)
        }
    }

    /// Makes it behave in one of its ways.
    func set(_ way: String) throws { try writeFile(joined(path, way), []) }
    func clear(_ way: String) { unlink(joined(path, way)) }
    func has(_ name: String) -> Bool { access(joined(path, name), F_OK) == 0 }

    func call(_ program: String, _ number: Int) throws {
        #expect(try runProgram([joined(path, program), "\(number)"]) == 0)
    }

    /// Slurm's time limit, as it tells a worker of it.
    func signal(_ number: Int, _ signal: CInt) throws {
        let text = String(decoding: try readFile(joined(path, "\(number).process")), as: UTF8.self)
        kill(try #require(pid_t(text.split(separator: "\n").first ?? "")), signal)
    }

    /// How often sbatch was called, with what.
    var calls: [String] {
        let bytes = (try? readFile(joined(path, "calls"))) ?? []
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    /// Names of the jobs that were submitted.
    var names: [String] {
        (1...20).compactMap { number in
            (try? readFile(joined(path, "\(number).name"))).map {
                String(decoding: $0.dropLast(), as: UTF8.self)
            }
        }
    }
}
