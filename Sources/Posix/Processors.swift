import CLinux

/// The processors that this process may run on: sched_getaffinity(2), which containers and
/// `taskset` narrow; at least 1.
package var availableProcessors: Int { max(1, Int(stade_available_processors())) }
